/**
 * Loaded before a program of a world (`NODE_OPTIONS=--import`): its wall clock is as wrong as the file says that is named like its
 * place, in the folder POSTERN_WRONG_CLOCKS. What is not written in JavaScript keeps the right time, such as OpenSSL's view of certificates.
 */
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Milliseconds between two looks at the file. */
const LOOK_EVERY = 100;

const folder = process.env['POSTERN_WRONG_CLOCKS'];
const RightDate = Date;
let ahead = 0;

class WrongDate extends RightDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(WrongDate.now());
    else super(...given);
  }

  static override now(): number {
    return RightDate.now() + ahead;
  }
}

function look(path: string): void {
  // Nobody has set this clock.
  ahead = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
}

if (folder !== undefined) {
  const path = join(folder, hostname());
  look(path);
  setInterval(look, LOOK_EVERY, path).unref();
  globalThis.Date = WrongDate as DateConstructor;
}
