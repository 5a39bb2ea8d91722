/** What one socket's window grows by, at most: a relay that is far away is as fast as a near one then. */
export const MAX_LOAN_BYTES = 7 * 1024 * 1024;
/** What all windows together grow by: so much more may wait in a page that is busy. */
const MAX_LOANS_BYTES = 2 * MAX_LOAN_BYTES;

/** Credit beyond what was consumed, for the sockets that bring the most. */
export class Loans {
  #left = MAX_LOANS_BYTES;

  /** As much of it as there is. */
  take(bytes: number): number {
    const taken = Math.min(bytes, this.#left);
    this.#left -= taken;
    return taken;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}
