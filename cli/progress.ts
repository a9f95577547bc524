// A bar for work that takes long, on the terminal of whoever waits; where there is none it prints nothing.

import { styleText } from 'node:util'
import { formatCount } from './format.ts'

export interface Progress {
  /** `total` 0: it is not known. */
  at(done: number, total: number): void
  /** Takes the bar away. */
  end(): void
}

const WIDTH = 24
/** A terminal is not drawn on more often. ms */
const EVERY_MS = 80
const CLEAR_LINE = '\r\u001b[K'

/** On `stream`, if it is a terminal and nobody wants JSON. `now`: milliseconds on a clock that never steps back. */
export function progress(label: string, isJson: boolean, stream: NodeJS.WriteStream = process.stderr, now = (): number => performance.now()): Progress {
  if (isJson || !stream.isTTY) return { at() {}, end() {} }
  let drawnMs = -Infinity
  return {
    at(done, total) {
      const nowMs = now()
      if (nowMs - drawnMs < EVERY_MS) return
      drawnMs = nowMs
      stream.write(`${CLEAR_LINE}${barText(label, done, total, text => styleText('cyan', text, { stream }))}`)
    },
    end() {
      if (drawnMs > -Infinity) stream.write(CLEAR_LINE)
    },
  }
}

/** `purge  ████████░░░░  33 %  1,200 of 3,600`, without the bar where the total is not known. */
export function barText(label: string, done: number, total: number, paint: (text: string) => string = text => text): string {
  if (total <= 0) return `${label}  ${formatCount(done)}`
  const share = Math.min(1, done / total)
  const full = Math.round(share * WIDTH)
  return `${label}  ${paint('█'.repeat(full))}${'░'.repeat(WIDTH - full)}  ${Math.floor(share * 100)} %  ${formatCount(Math.min(done, total))} of ${formatCount(total)}`
}
