/** Numbers in a row, as something lays its state down and finds it again. Times are kept as ages in seconds, so that single precision does. */
export class Figures {
  private next = 0;

  /** @param at when they were laid down, epoch milliseconds */
  constructor(
    readonly at: number,
    private readonly numbers: number[] = [],
  ) {}

  put(...numbers: readonly number[]): void {
    for (const number of numbers) this.numbers.push(number);
  }

  putTime(time: number | undefined): void {
    this.put(time === undefined || !Number.isFinite(time) ? -1 : Math.max(0, (this.at - time) / 1_000));
  }

  /** @throws RangeError when there is none, or none that is a number */
  take(): number {
    const number = this.numbers[this.next++];
    if (number === undefined || !Number.isFinite(number)) throw new RangeError('a figure is missing or no number');
    return number;
  }

  takeTime(): number | undefined {
    const age = this.take();
    return age < 0 ? undefined : this.at - age * 1_000;
  }

  /** @throws RangeError when it is none of `0 … below - 1` */
  takeIndex(below: number): number {
    const index = this.take();
    if (!Number.isInteger(index) || index < 0 || index >= below) throw new RangeError(`${index} is not one of ${below}`);
    return index;
  }

  /** @throws RangeError when more was laid down than was found again */
  end(): void {
    if (this.next !== this.numbers.length) throw new RangeError(`${this.numbers.length - this.next} figures too many`);
  }

  toFloat32(): Float32Array {
    return Float32Array.from(this.numbers);
  }
}
