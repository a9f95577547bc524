// Makes the frame of a message: its subject checked, its value and options in bytes.

import { BrokerError } from '../broker/ground/errors.ts'
import { encodePayload } from '../broker/ground/payload.ts'
import type { FrameInit } from '../broker/wire/frame.ts'
import { headersOf } from './message-headers.ts'
import type { PublishOptions } from './operation-options.ts'
import { checkSubject } from './subject-check.ts'

/** Without id. @throws BrokerError `client.closed`, `subject.invalid`, `payload.*` */
export function messageFrame({ isOver }: { readonly isOver: boolean }, kind: number, subject: string, payload: unknown, options: PublishOptions, flags = 0): FrameInit {
  if (isOver) throw new BrokerError('client.closed')
  checkSubject(subject)
  const { type, bytes } = encodePayload(payload, options)
  return { kind, flags: type | flags, subject, headers: headersOf(options), payload: bytes }
}
