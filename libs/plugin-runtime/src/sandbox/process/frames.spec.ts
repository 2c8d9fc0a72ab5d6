import fc from 'fast-check';
import { FrameReader, frameOf, FrameTooLarge } from './frames';

const read = (reader: FrameReader, chunks: Buffer[]) => chunks.flatMap((chunk) => [...reader.push(chunk)].map((frame) => frame.toString('utf8')));

it('reads what was written, however the stream was cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 20 }), fc.array(fc.nat(300), { maxLength: 40 }), (texts, cuts) => {
      const stream = Buffer.concat(texts.map(frameOf));
      const at = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
      const chunks = at.slice(1).map((end, i) => stream.subarray(at[i], end));
      expect(read(new FrameReader(10_000), chunks)).toEqual(texts.map((text) => Buffer.from(text).toString('utf8')));
    }),
  );
});

it('refuses a frame as soon as its length is too much, before it holds any of it', () => {
  const reader = new FrameReader(100);
  expect(read(reader, [frameOf('x'.repeat(100))])).toEqual(['x'.repeat(100)]);
  expect(() => read(reader, [frameOf('x'.repeat(101)).subarray(0, 4)])).toThrow(FrameTooLarge);
});
