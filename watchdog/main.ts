// The process of a watchdog. Its one word is its options as JSON: whoever starts it has checked what the user wrote.

import { appendFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { BrokerError } from '../broker/ground/errors.ts'
import { homePaths } from '../broker/ground/home.ts'
import type { WatchdogSettings } from './settings.ts'
import { Watchdog } from './watchdog.ts'

// What was compiled is kept now, as this process lives long.
setImmediate(flushCompileCache)

// A terminal or a pipe that is gone is no reason to leave the broker alone.
process.stderr.on('error', () => {})

const { isJson, ...settings } = JSON.parse(process.argv[2]!) as WatchdogSettings
const { home, log } = homePaths(settings.home)

const { code, gaveUp, isExplained } = await new Watchdog({
  ...settings,
  // Whoever waits for it may have gone meanwhile.
  ...(process.send !== undefined && { report: report => process.connected && process.send!(report, undefined, undefined, () => {}) }),
  tell(level, text, details) {
    // What is well the broker says itself.
    if (level !== 'info') complain(`watchdog: ${text}${Object.entries(details).map(([name, value]) => `, ${name} ${String(value)}`).join('')}`)
    record(level, text, details)
  },
}).run()

if (gaveUp !== undefined && isExplained !== true) {
  const { message, code: name } = new BrokerError('watchdog.gave_up', { home, ...gaveUp })
  const [what, hint] = message.slice(name.length + 2).split('; ')
  complain(isJson ? JSON.stringify({ error: { code: name, message: `${what} (${name})`, hint } }) : `error: ${what} (${name})\nhint: ${hint}`)
}
// The line to a broker that hangs may be open still.
process.exit(code)

function complain(text: string): void {
  process.stderr.write(`${text}\n`)
}

// Opened for each line: the broker sets the file aside when it has grown large.
function record(level: string, msg: string, details: object): void {
  try {
    appendFileSync(log, `${JSON.stringify({ level, time: Date.now(), actor: 'watchdog', ...details, msg })}\n`, { mode: 0o600 })
  } catch {
    // No home yet, or no space: stderr has it.
  }
}
