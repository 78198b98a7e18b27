/** A priority queue by due time: earliest first, and in order of insertion at equal times. */

export class TimeQueue<T> {
  /** A binary heap in columns: the children of row `i` are rows `2i + 1` and `2i + 2`, and due no earlier. */
  readonly #dueUs: number[] = [];
  readonly #order: number[] = [];
  readonly #items: T[] = [];
  #pushed = 0;

  get size(): number {
    return this.#items.length;
  }

  /** When the first is due; Infinity when empty. */
  get nextUs(): number {
    return this.#dueUs[0] ?? Number.POSITIVE_INFINITY;
  }

  push(dueUs: number, item: T): void {
    let row = this.#items.length;
    const order = this.#pushed++;
    while (row > 0) {
      const parent = (row - 1) >> 1;
      if (this.#dueUs[parent]! <= dueUs) break;
      this.#move(parent, row);
      row = parent;
    }
    this.#put(row, dueUs, order, item);
  }

  /** Removes the first; only when `nextUs` is finite. */
  pop(): T {
    const first = this.#items[0] as T;
    const dueUs = this.#dueUs.pop()!;
    const order = this.#order.pop()!;
    const item = this.#items.pop() as T;
    if (this.#items.length > 0) this.#sink(dueUs, order, item);
    return first;
  }

  #sink(dueUs: number, order: number, item: T): void {
    const size = this.#items.length;
    let row = 0;
    for (let child = 1; child < size; child = 2 * row + 1) {
      if (child + 1 < size && this.#isBefore(child + 1, this.#dueUs[child]!, this.#order[child]!)) child += 1;
      if (!this.#isBefore(child, dueUs, order)) break;
      this.#move(child, row);
      row = child;
    }
    this.#put(row, dueUs, order, item);
  }

  #isBefore(row: number, dueUs: number, order: number): boolean {
    const mine = this.#dueUs[row]!;
    return mine < dueUs || (mine === dueUs && this.#order[row]! < order);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#dueUs[from]!, this.#order[from]!, this.#items[from] as T);
  }

  #put(row: number, dueUs: number, order: number, item: T): void {
    this.#dueUs[row] = dueUs;
    this.#order[row] = order;
    this.#items[row] = item;
  }
}
