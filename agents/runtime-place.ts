// Where files lie that serve running agents alone. Makes none.

import { join } from 'node:path'

/** The folder with the copies of secrets, for agents that run as the broker's user. Whatever is in it when a broker starts is of one that was killed. */
export function secretFolder(home: string): string {
  return join(home, 'run', 'secrets')
}
