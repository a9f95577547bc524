// How many connections the process can have, by the files that it may open.

import { readFileSync } from 'node:fs'

/** Files that the broker needs for itself: logs, pipes of agents, listeners. */
const OWN_FILES = 64
const FALLBACK_LIMIT = 1024

/** The configured number, or as many as open files allow; never more than that. 0 = not configured. */
export function mostConnections(configured: number): number {
  const possible = Math.max(1, openFileLimit() - OWN_FILES)
  return configured === 0 ? possible : Math.min(configured, possible)
}

function openFileLimit(): number {
  try {
    const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return match === null ? FALLBACK_LIMIT : match[1] === 'unlimited' ? Infinity : Number(match[1])
  } catch {
    return FALLBACK_LIMIT
  }
}
