/** Checks the imports under src/ against the table in ARCHITECTURE.md; exit status 1 names each that is not allowed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { forbiddenImports, importCycles, parseImports, parseImportTable } from './import-rules.ts';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');

const table = parseImportTable(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'));
if (table.size === 0) {
  console.error('ARCHITECTURE.md: no table with rows like | `folder/` | what lives there | may import |');
  process.exit(1);
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const imports = files.sort().flatMap((file) => parseImports(file, readFileSync(join(src, file), 'utf8')));
const violations = [...forbiddenImports(table, imports), ...importCycles(imports)];

for (const { file, line, message } of violations) console.error(`src/${file}:${line}: ${message}`);
if (violations.length > 0) process.exit(1);
console.log(`${imports.length} imports in ${files.length} files are as ARCHITECTURE.md allows.`);
