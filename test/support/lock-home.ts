// A process that takes a home when it is told to, and says how that went: the two starters of a race.
// Usage: node lock-home.ts HOME; a line on stdin starts it, the end of stdin gives the home back.

import { lockHome } from '../../broker/ground/home-lock.ts'
import { prepareHome } from '../../broker/ground/home.ts'
import { BrokerError } from '../../broker/ground/errors.ts'

const paths = prepareHome(process.argv[2]!)
process.stdout.write('ready\n')
process.stdin.once('data', () => void start())

async function start(): Promise<void> {
  try {
    const lock = await lockHome(paths)
    process.stdin.once('end', () => lock.release())
    process.stdin.resume()
    process.stdout.write('won\n')
  } catch (error) {
    process.stdin.destroy()
    process.stdout.write(`${BrokerError.from(error).code} ${String(BrokerError.from(error).details['pid'])}\n`)
  }
}
