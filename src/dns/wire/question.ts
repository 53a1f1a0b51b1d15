/** Writing a question of our own. */
import type { Question } from './message.ts';
import { Writer } from './writer.ts';

/** A name of at most 255 octets, type and class. */
const QUESTION_LIMIT = 259;

/** The octets of a question. Throws `WireError` when the name is too long or not a name. */
export function encodeQuestion(question: Question): Uint8Array {
  const writer = new Writer(QUESTION_LIMIT);
  writer.name(question.name, { compress: false });
  writer.uint16(question.type);
  writer.uint16(question.class);
  return writer.finish();
}
