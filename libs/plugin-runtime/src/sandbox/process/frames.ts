const LENGTH_BYTES = 4;

/** Puts the text of one JSON object behind its length. */
export const frameOf = (json: string): Buffer => {
  const bytes = Buffer.byteLength(json);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + bytes);
  frame.writeUInt32BE(bytes, 0);
  frame.write(json, LENGTH_BYTES, 'utf8');
  return frame;
};

/** The sender announced more than it may send; nothing after this can be trusted to be the beginning of a frame. */
export class FrameTooLarge extends Error {
  override readonly name = 'FrameTooLarge';

  constructor(readonly bytes: number, maxBytes: number) {
    super(`a frame of ${bytes} bytes, where ${maxBytes} are allowed`);
  }
}

/** Cuts a stream of bytes into frames. Holds at most one unfinished frame, never more than `maxBytes` of it. */
export class FrameReader {
  private chunks: Buffer[] = [];
  private held = 0;

  constructor(private readonly maxBytes: number) {}

  /**
   * Takes what came and yields the frames that are complete.
   * @throws FrameTooLarge as soon as a length says so
   */
  *push(chunk: Buffer): Generator<Buffer> {
    this.chunks.push(chunk);
    this.held += chunk.length;
    for (;;) {
      if (this.held < LENGTH_BYTES) return;
      const length = this.peek(LENGTH_BYTES).readUInt32BE(0);
      if (length > this.maxBytes) throw new FrameTooLarge(length, this.maxBytes);
      if (this.held < LENGTH_BYTES + length) return;
      const frame = this.peek(LENGTH_BYTES + length).subarray(LENGTH_BYTES, LENGTH_BYTES + length);
      const rest = this.chunks[0]!.subarray(LENGTH_BYTES + length);
      this.chunks[0] = rest;
      this.held -= LENGTH_BYTES + length;
      yield frame;
    }
  }

  /** The first `bytes` in one piece. Chunks are joined only when a frame needs it, so a large one is copied once. */
  private peek(bytes: number): Buffer {
    if (this.chunks[0]!.length < bytes) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0]!;
  }
}
