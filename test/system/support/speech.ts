/**
 * Words for Chromium's fake microphone. Of its own beeps those that the fake camera brings about are for the process: of two
 * pages it is chance which of them has them, and there may be too few for speech.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const SAMPLE_RATE = 48_000;
const SECONDS = 4;

/** Something like a voice: a tone with overtones, in four syllables a second; a word of 1.5 s, then a pause of 0.5. */
function speech(): Buffer {
  const samples = Int16Array.from({ length: SECONDS * SAMPLE_RATE }, (_, i) => {
    const seconds = i / SAMPLE_RATE;
    if (seconds % 2 >= 1.5) return 0;
    const syllable = Math.max(Math.sin(2 * Math.PI * 4 * seconds), 0);
    const pitch = 140 + 20 * Math.sin(2 * Math.PI * 0.7 * seconds);
    const overtones = [1, 2, 3, 5, 8, 12].map((n) => Math.sin(2 * Math.PI * pitch * n * seconds) / n);
    return 6_000 * syllable * overtones.reduce((sum, one) => sum + one);
  });
  const data = Buffer.from(samples.buffer);
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** Writes a WAV file into `folder`. Returns its path. */
export function writeSpeech(folder: string): string {
  const path = join(folder, "speech.wav");
  writeFileSync(path, speech());
  return path;
}
