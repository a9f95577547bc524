// The beginnings of payloads, kept for recent messages while the operator has tracing on.

const MAX_PREVIEWS = 1000
const MAX_PREVIEW_CHARACTERS = 120

export class Previews {
  /** Off: nothing is kept, and what was is forgotten. */
  #isEnabled = false
  readonly #bySeq = new Map<number, string>()

  get isEnabled(): boolean {
    return this.#isEnabled
  }

  set isEnabled(isEnabled: boolean) {
    this.#isEnabled = isEnabled
    if (!isEnabled) this.#bySeq.clear()
  }

  /** Keeps the beginning of the text for the recorder's position `seq`; the oldest goes. */
  keep(seq: number, text: string): void {
    if (this.#bySeq.size >= MAX_PREVIEWS) this.#bySeq.delete(this.#bySeq.keys().next().value!)
    this.#bySeq.set(seq, text.length > MAX_PREVIEW_CHARACTERS ? `${text.slice(0, MAX_PREVIEW_CHARACTERS)}…` : text)
  }

  of(seq: number): string | undefined {
    return this.#bySeq.get(seq)
  }
}
