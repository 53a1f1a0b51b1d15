/** A set-up step that cannot go on, told to the user with what to do about it. */
class SetupError extends Error {
  name = 'SetupError';
}

/** Ends the set-up with a message: what is wrong, then what to do. */
export function fail(what, remedy) {
  throw new SetupError(remedy === undefined ? what : `${what}\n${remedy}`);
}
