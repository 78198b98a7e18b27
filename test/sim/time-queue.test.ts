import fc from "fast-check";
import { expect, test } from "vitest";
import { TimeQueue } from "./time-queue.ts";

/** A time to push at, or null to pop. */
const steps = fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { freq: 2 }), {
  maxLength: 200,
  size: "max",
});

test("pops what a stable sort would have first", () => {
  fc.assert(
    fc.property(steps, (script) => {
      const queue = new TimeQueue<number>();
      const model: { dueUs: number; item: number }[] = [];
      script.forEach((dueUs, item) => {
        if (dueUs !== null) {
          queue.push(dueUs, item);
          model.push({ dueUs, item });
        } else if (model.length > 0) {
          const first = model.toSorted((a, b) => a.dueUs - b.dueUs || a.item - b.item)[0]!;
          model.splice(model.indexOf(first), 1);
          expect(queue.nextUs).toBe(first.dueUs);
          expect(queue.pop()).toBe(first.item);
        }
        expect(queue.size).toBe(model.length);
      });
    }),
  );
  expect(new TimeQueue().nextUs).toBe(Number.POSITIVE_INFINITY);
});
