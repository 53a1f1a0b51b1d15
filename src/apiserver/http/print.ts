/** Answers as text, in the form that the client accepts. */
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { type IncludeObject, partialMetadata, printTable, type Table } from '../../api/table.ts';
import type { Answer, WatchLine } from '../answer.ts';
import type { Stored } from '../storage/codec.ts';
import type { Accepted } from './negotiate.ts';

export interface PrintOptions {
  readonly form: Accepted['form'];
  readonly includeObject: IncludeObject;
  /** Wall-clock milliseconds, for ages. */
  readonly now: number;
}

/** The JSON text of an answer that is not a watch. */
export function printAnswer(answer: Exclude<Answer, { kind: 'watch' }>, options: PrintOptions): string {
  switch (answer.kind) {
    case 'status':
      return JSON.stringify(answer.status);
    case 'object':
      return printObject(answer.of, answer.stored, options);
    case 'list':
      return printList(answer, options);
  }
}

function printObject(kind: AnyKind, stored: Stored, options: PrintOptions): string {
  switch (options.form) {
    case 'Table':
      return JSON.stringify(
        tableOf(kind, [stored.object], { resourceVersion: stored.object.metadata.resourceVersion ?? '' }, options),
      );
    case 'PartialObjectMetadata':
      return JSON.stringify(partialMetadata(stored.object));
    default:
      return stored.json;
  }
}

function printList({ of, items, metadata }: Extract<Answer, { kind: 'list' }>, options: PrintOptions): string {
  const meta = JSON.stringify(metadata);
  switch (options.form) {
    case 'Table':
      return JSON.stringify(
        tableOf(
          of,
          items.map(({ object }) => object),
          metadata,
          options,
        ),
      );
    case 'PartialObjectMetadata': {
      const partial = items.map(({ object }) => JSON.stringify(partialMetadata(object))).join(',');
      return `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":${meta},"items":[${partial}]}`;
    }
    default:
      // Each object's text is kept with it, so a list of many is joined and not printed anew.
      return `{"kind":"${of.listKind}","apiVersion":"${of.apiVersion}","metadata":${meta},"items":[${items.map(({ json }) => json).join(',')}]}`;
  }
}

function tableOf(
  kind: AnyKind,
  objects: readonly KubeObject[],
  metadata: Table['metadata'],
  { now, includeObject }: PrintOptions,
): Table {
  return printTable(kind, objects, now, includeObject, metadata);
}

/** Prints the lines of one watch. Made anew for each, as only the first table says what its columns are. */
export function linePrinter(kind: AnyKind, options: PrintOptions): (line: WatchLine) => string {
  let told = false;
  const table = (object: KubeObject) => {
    const printed = tableOf(kind, [object], { resourceVersion: object.metadata.resourceVersion ?? '' }, options);
    const text = JSON.stringify(told ? { ...printed, columnDefinitions: null } : printed);
    told = true;
    return text;
  };
  return (line) => {
    switch (line.type) {
      case 'ERROR':
        return `{"type":"ERROR","object":${JSON.stringify(line.status)}}\n`;
      case 'BOOKMARK': {
        const mark = bookmarkObject(kind, line);
        return `{"type":"BOOKMARK","object":${options.form === 'Table' ? table(mark) : printBookmark(mark, options)}}\n`;
      }
      default: {
        const { object } = line.stored;
        return `{"type":"${line.type}","object":${options.form === 'Table' ? table(object) : printObject(kind, line.stored, options)}}\n`;
      }
    }
  };
}

function printBookmark(mark: KubeObject, { form }: PrintOptions): string {
  return JSON.stringify(form === 'PartialObjectMetadata' ? partialMetadata(mark) : mark);
}

function bookmarkObject(
  kind: AnyKind,
  { resourceVersion, initialEventsEnd }: Extract<WatchLine, { type: 'BOOKMARK' }>,
): KubeObject {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  return {
    kind: kind.kind,
    apiVersion: kind.apiVersion,
    metadata: { resourceVersion, ...(initialEventsEnd ? { annotations } : {}) },
  };
}
