const SLOT_WORDS = 3; // two words of fingerprint, one word ordinal + 1 (0 marks a free slot)
const CAPACITY_MIN = 1024;
const LOAD_MAX = 0.6;

/**
 * Remembers which ids were seen, in 64 bits each instead of the whole text: 20 to 40 bytes an id, where a Map of strings takes over 100
 * and ends at 16.7 million. It may say "seen" of an id that was not (one in 2^64 a pair, or forged), never the opposite; so the caller
 * treats a hit as a suspicion and settles it by the ids themselves.
 */
export class FingerprintSet {
  #slots = new Uint32Array(CAPACITY_MIN * SLOT_WORDS);
  #capacity = CAPACITY_MIN;
  #count = 0;
  #ordinal = 0;

  /** Numbers the ids in the order of the calls from 0. Returns the number of the first id with the same fingerprint, or -1 for a new one. */
  add(id: string): number {
    let a = 0x811c9dc5;
    let b = 0x9747b28c;
    for (let i = 0; i < id.length; i++) {
      const c = id.charCodeAt(i);
      a = Math.imul(a ^ c, 0x01000193);
      b = Math.imul(b ^ c, 0x5bd1e995);
      b ^= b >>> 15;
    }
    const first = mix(a ^ id.length);
    const second = mix(b ^ a);
    const ordinal = this.#ordinal++;
    const slot = this.#find(first, second);
    const earlier = this.#slots[slot + 2] ?? 0;
    if (earlier !== 0) return earlier - 1;
    this.#slots[slot] = first;
    this.#slots[slot + 1] = second;
    this.#slots[slot + 2] = ordinal + 1;
    if (++this.#count > this.#capacity * LOAD_MAX) this.#grow();
    return -1;
  }

  /** Index of the slot that holds the fingerprint, else of the free slot where it belongs. */
  #find(first: number, second: number): number {
    const mask = this.#capacity - 1;
    for (let position = first & mask; ; position = (position + 1) & mask) {
      const slot = position * SLOT_WORDS;
      if (this.#slots[slot + 2] === 0 || (this.#slots[slot] === first && this.#slots[slot + 1] === second)) return slot;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#capacity *= 2;
    this.#slots = new Uint32Array(this.#capacity * SLOT_WORDS);
    for (let i = 0; i < old.length; i += SLOT_WORDS) {
      if (old[i + 2] === 0) continue;
      const slot = this.#find(old[i] ?? 0, old[i + 1] ?? 0);
      this.#slots[slot] = old[i] ?? 0;
      this.#slots[slot + 1] = old[i + 1] ?? 0;
      this.#slots[slot + 2] = old[i + 2] ?? 0;
    }
  }
}

/** The finaliser of MurmurHash3: every input bit changes about half of the output bits. Unsigned. */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
