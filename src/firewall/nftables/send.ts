/** Messages for nf_tables, sent in as few batches as the kernel takes. */
import type { NftRunner } from '../../host/nft.ts';
import { BATCH_LIMIT } from '../../host/nft-batch.ts';

/** What fits in one batch takes effect at one moment or not at all. Throws NftError. */
export async function sendMessages(nft: NftRunner, messages: readonly Uint8Array[]): Promise<void> {
  for (const batch of inBatches(messages)) await nft.send(batch);
}

function inBatches(messages: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const batches: Uint8Array[][] = [];
  let size = BATCH_LIMIT;
  for (const message of messages) {
    size += message.length;
    if (size > BATCH_LIMIT) {
      batches.push([]);
      size = message.length;
    }
    batches.at(-1)?.push(message);
  }
  return batches;
}
