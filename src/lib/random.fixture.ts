/** The seed of a property test: `POSTERN_SEED` of the environment, or a new one. Tests have it in their name. */
export function testSeed(): number {
  const given = Number(process.env['POSTERN_SEED'] ?? '');
  return given > 0 ? given : 1 + Math.floor(Math.random() * 2 ** 31);
}
