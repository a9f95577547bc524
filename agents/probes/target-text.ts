// How what a probe tries is called where everybody may read it: passwords, keys and tokens in a URL or in arguments stay out.

import type { ProbeTarget } from '../../broker/ground/probes.ts'

/** The host and port, the URL without user, password, query and fragment, or the program without its arguments; empty for a ping. */
export function targetText(target: ProbeTarget): string {
  switch (target.kind) {
    case 'tcp':
      return `${target.host}:${target.port}`
    case 'http':
      return urlText(target.url)
    case 'command':
      return target.command[0] ?? ''
    case 'ping':
      return ''
  }
}

/** `url` without user, password, query and fragment. @throws TypeError when it is no URL */
export function urlText(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
