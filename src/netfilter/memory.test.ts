import { MemoryNetfilter } from './memory.ts';
import { netfilterContract } from './testing.ts';

netfilterContract('memory', () => new MemoryNetfilter());
