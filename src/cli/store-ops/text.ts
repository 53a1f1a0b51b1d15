/** What the commands about whole stores print for people. */
import { textTable } from '../output.ts';
import type { BackupReport } from './backup.ts';
import type { CheckReport } from './look.ts';
import type { MigrateReport } from './migrate.ts';
import type { RestoreReport } from './restore.ts';

export function backupText({ file, revision, entries, files, sha256 }: BackupReport): string {
  const kept = files === 0 ? 'no certificates' : `${files} files of certificates and keys`;
  return `${file}: ${entries} entries of revision ${revision}, ${kept}\n  sha256 of its lines: ${sha256}`;
}

export function restoreText(report: RestoreReport): string {
  const { store, entries, backupTime, backupRevision, revision, files, filesLeftOut, sha256 } = report;
  const lines = [
    `${entries} entries of ${backupTime} are in ${store}, compared one by one`,
    `  sha256 of keys and values: ${sha256}`,
    `  revision ${backupRevision} -> ${revision}: clients that watch list again`,
  ];
  if (files > 0) lines.push(`  ${files} files of certificates and keys are in its data directory`);
  if (filesLeftOut > 0) {
    lines.push(
      `  ${filesLeftOut} files of certificates and keys were left out: name a data directory with --data-dir to have them`,
    );
  }
  return lines.join('\n');
}

export function migrateText({ from, to, entries, written, fromRevision, revision, sha256 }: MigrateReport): string {
  const resumed = written < entries ? `, ${entries - written} of them by an attempt before` : '';
  return [
    `${entries} entries are in ${to}, compared one by one${resumed}`,
    `  sha256 of keys and values: ${sha256}, the same at both ends`,
    `  revision ${fromRevision} -> ${revision}: no object has a lower one; clients that watch list again`,
    `  ${from} is as it was: keep it until you are sure`,
  ].join('\n');
}

export function checkText(report: CheckReport): string {
  const { store, revision, revisionsAhead, keys, objects, records, recordsNotChecked } = report;
  const { errors, warnings, problems } = report;
  const structure = records?.problems ?? [];
  const lines = [`${store}: revision ${revision}, ${keys} keys`];
  if (records !== undefined) lines.push(`records of the engine: ${structure.length === 0 ? 'sound' : 'damaged'}`);
  if (recordsNotChecked !== undefined) lines.push(`records of the engine: not checked (${recordsNotChecked})`);
  if (revisionsAhead !== undefined) {
    lines.push(
      `revisions: ${revisionsAhead} ahead of etcd's own, which matters to a kube-apiserver: docs/graduation.md`,
    );
  }
  lines.push(
    '',
    textTable(
      ['RESOURCE', 'OBJECTS'],
      Object.entries(objects).map(([name, count]) => [name, String(count)]),
    ),
  );
  for (const problem of structure)
    lines.push('', `error: ${problem}`, '  The store is damaged: restore it from a backup.');
  for (const { severity, key, message, remedy } of problems)
    lines.push('', `${severity}: ${key} ${message}`, `  ${remedy}`);
  const untold = errors + warnings - problems.length;
  if (untold > 0) lines.push('', `and ${untold} more`);
  const total = errors + structure.length;
  lines.push('', total + warnings === 0 ? 'nothing is wrong' : `${total} errors, ${warnings} warnings`);
  return lines.join('\n');
}
