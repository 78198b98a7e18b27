/** The least value of the last span, whose length is between one and two `spanUs`; no list is kept. */
export class WindowedMinimum {
  readonly #spanUs: number;
  #startUs = Number.NEGATIVE_INFINITY;
  #current = Number.POSITIVE_INFINITY;
  #prior = Number.POSITIVE_INFINITY;

  constructor(spanUs: number) {
    this.#spanUs = spanUs;
  }

  get value(): number {
    return this.#current < this.#prior ? this.#current : this.#prior;
  }

  add(value: number, atUs: number): void {
    const ageUs = atUs - this.#startUs;
    if (ageUs >= this.#spanUs || ageUs < -this.#spanUs) {
      this.#prior = ageUs < 2 * this.#spanUs && ageUs > 0 ? this.#current : Number.POSITIVE_INFINITY;
      this.#current = value;
      this.#startUs = atUs;
    } else if (value < this.#current) this.#current = value;
  }

  reset(): void {
    this.#startUs = Number.NEGATIVE_INFINITY;
    this.#current = Number.POSITIVE_INFINITY;
    this.#prior = Number.POSITIVE_INFINITY;
  }
}
