/** The cases of testdata/: objects in, nftables script out. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { printTransaction } from '../../netfilter/print.ts';
import { NodeRules, nodeRules, type Objects } from './node.ts';

const TESTDATA = new URL('../testdata/', import.meta.url);

export const caseNames: readonly string[] = readdirSync(TESTDATA).sort();

export const expectedFile = (name: string): URL => new URL(`${name}/expected.nft`, TESTDATA);

/** What a case begins with. */
export function objectsOf(name: string): Objects {
  const documents = parseAllDocuments(readFileSync(new URL(`${name}/objects.yaml`, TESTDATA), 'utf8'));
  return documents.map((document) => document.toJS()).filter((object) => object !== null);
}

/** The table that every case starts from. */
export const baseScript = (): string => printTransaction(new NodeRules().takeAll());

/** What a case puts into the base table; for the case `base`, the table itself. */
export function script(name: string): string {
  return name === 'base' ? baseScript() : printTransaction(nodeRules(objectsOf(name)).takeChanges());
}
