/** Who waits for what: each key is answered once, to all who wait for it. */
export class Waiting<T> {
  #by = new Map<number, { promise: Promise<T>; answer: (value: T) => void; fail: (why: Error) => void }>();

  wait(key = 0): Promise<T> {
    let waiting = this.#by.get(key);
    if (!waiting) {
      let answer!: (value: T) => void;
      let fail!: (why: Error) => void;
      const promise = new Promise<T>((resolve, reject) => {
        answer = resolve;
        fail = reject;
      });
      waiting = { promise, answer, fail };
      this.#by.set(key, waiting);
    }
    return waiting.promise;
  }

  answer(value: T | Error, key = 0): void {
    const waiting = this.#by.get(key);
    this.#by.delete(key);
    if (value instanceof Error) waiting?.fail(value);
    else waiting?.answer(value);
  }

  fail(why: Error): void {
    for (const key of [...this.#by.keys()]) this.answer(why, key);
  }
}
