// What is to be done about one channel, given what this broker has, what the bucket says, and in which revision the two last
// agreed. Pure.
//
//   here     agreed      in the bucket      what happened                          what to do
//   yes      never       nothing, deleted   created here                           write
//   yes      before      deleted since      deleted elsewhere                      stop
//   yes      before      nothing            the bucket was lost                    write
//   no       never       yes                created elsewhere                      start
//   no       that one    yes                deleted here while away                erase
//   no       before      yes, newer         deleted here, created anew elsewhere   start
//   yes      any         yes, same mode     nothing                                agree
//   yes      any         yes, other mode    created twice, differently             replace: what all others see holds

import type { ChannelSpec } from '../../ground/types.ts'

/** What the bucket says of a name; `spec` undefined: it was deleted. */
export interface SharedChannel {
  readonly revision: number
  readonly spec: ChannelSpec | undefined
}

export type ChannelStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'forget' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'agree'; readonly revision: number }
  | { readonly kind: 'write'; readonly expected: number }
  | { readonly kind: 'erase'; readonly expected: number }
  | { readonly kind: 'start'; readonly revision: number; readonly spec: ChannelSpec }
  | { readonly kind: 'replace'; readonly revision: number; readonly spec: ChannelSpec }

export function nextStep(here: ChannelSpec | undefined, agreed: number | undefined, shared: SharedChannel | undefined): ChannelStep {
  if (shared?.spec === undefined) {
    const deletedAt = shared?.revision ?? 0
    if (here === undefined) return { kind: agreed === undefined ? 'nothing' : 'forget' }
    return agreed !== undefined && agreed < deletedAt ? { kind: 'stop' } : { kind: 'write', expected: deletedAt }
  }
  const { revision, spec } = shared
  if (here === undefined) return agreed === revision ? { kind: 'erase', expected: revision } : { kind: 'start', revision, spec }
  if (here.mode !== spec.mode) return { kind: 'replace', revision, spec }
  return agreed === revision ? { kind: 'nothing' } : { kind: 'agree', revision }
}
