// Finds the receivers of a subject: subscriptions, addresses, broadcast, the broker's own methods.

import type { Bus, QueueGroup } from '../ground/bus.ts'
import type { ServiceTarget } from '../ground/registry.ts'
import type { Account, QueueSink, Sink, Subscriber } from '../ground/slice.ts'
import { USER_INFO } from '../ground/subject.ts'
import type { Interest } from './interest.ts'
import type { FilteredReceiver, Receivers } from './route.ts'
import type { Group, Subscription } from './subscription.ts'

/** What stands in the interest trie. */
export type InterestEntry = Subscription | Group

/** What a router must know of the rest of the broker. */
export interface RoutingContext {
  /** The broker itself, behind `$CB.api.`. */
  readonly service: Sink
  readonly bus: Bus
  /** The account that deliveries on this subject belong to. */
  accountOf(subject: readonly string[]): Account
  /** True when a channel of mode `broadcast` owns the subject. */
  isBroadcast(subject: readonly string[]): boolean
  /** The queue that keeps what is published there; undefined: none does. */
  queueOf(subject: readonly string[]): QueueSink | undefined
  /** Who `$CB.to.<kind>.<id>` is. */
  addressed(kind: string, id: string): Subscriber | undefined
  /** The instances that are registered under a name. */
  registered(name: string): ServiceTarget | undefined
  /** All who are connected here. */
  everyone(): Iterable<Subscriber>
}

/** The receivers of `subject`, after permissions: a subscriber of `>` does not get what is denied to it. */
export function findReceivers(interest: Interest<InterestEntry>, context: RoutingContext, subject: readonly string[]): Receivers {
  const account = context.accountOf(subject)
  if (subject[0] === '$CB') return reservedReceivers(interest, context, subject, account)
  if (subject[0] === '$SYS' && subject.join('.') === USER_INFO) return receiversOf({ plain: [context.service], groups: [], filtered: [], counting: [], exceptSender: false, account, queue: undefined })
  const plain = new Set<Subscriber>()
  const groups: Group[] = []
  const counting: Subscriber[] = []
  const filters = new Map<Subscriber, Subscription[]>()
  interest.match(subject, (entry) => {
    if ('members' in entry) groups.push(entry)
    else if (!entry.subscriber.mayReceive(subject)) return
    else if (entry.subscriber.isCounting === true) counting.push(entry.subscriber)
    else if (entry.filter === undefined) plain.add(entry.subscriber)
    else filters.set(entry.subscriber, [...(filters.get(entry.subscriber) ?? []), entry])
  })
  // Who asked for some of it by a filter gets those; everybody else gets all.
  if (context.isBroadcast(subject)) for (const subscriber of context.everyone()) if (subscriber.answersFrames && !filters.has(subscriber) && subscriber.mayReceive(subject)) plain.add(subscriber)
  const filtered: FilteredReceiver[] = []
  for (const [subscriber, subscriptions] of filters) if (!plain.has(subscriber)) filtered.push({ subscriber, subscriptions })
  const here = groups.filter((group) => !context.bus.servesGroup(queueGroup(group), subject))
  const receivers: Sink[] = [...plain]
  // An inbox is one program's: where it is here, nobody else waits for what comes.
  const isFound = subject[0] === '_INBOX' && (receivers.length > 0 || here.length > 0 || counting.length > 0)
  const remote = isFound ? undefined : context.bus.remote(subject, here.map(queueGroup))
  if (remote !== undefined) receivers.push(remote)
  const queue = context.queueOf(subject)
  if (queue !== undefined) receivers.push(queue)
  return receiversOf({ plain: receivers, groups: here, filtered, counting, exceptSender: false, account, queue })
}

// A group without members stands nowhere.
function queueGroup({ members }: Group): QueueGroup {
  const { tokens, group } = members[0]!
  return { tokens, name: group! }
}

// Who is addressed gets it unasked; connections whose protocol delivers to subscriptions alone must have one for it.
function reservedReceivers(interest: Interest<InterestEntry>, context: RoutingContext, subject: readonly string[], account: Account): Receivers {
  if (subject[1] === 'to' && subject[2] === 'service') return instanceReceivers(context, subject, account)
  if (subject[1] === 'registry') return watchers(interest, subject, account)
  const plain: Sink[] = []
  const [, area, kind, ...rest] = subject
  if (area === 'api') plain.push(context.service)
  else if (area === 'all' && subject.length === 2) {
    for (const subscriber of context.everyone()) if (subscriber.answersFrames) plain.push(subscriber)
  } else if (area === 'to' && kind !== undefined) {
    const subscriber = context.addressed(kind, rest.join('.'))
    if (subscriber?.answersFrames === true) plain.push(subscriber)
  }
  const isHere = area === 'api' || plain.length > 0
  const remote = isHere && area !== 'all' ? undefined : context.bus.remote(subject, [])
  if (remote !== undefined) plain.push(remote)
  // A pattern that begins with a wildcard does not reach in here.
  interest.match(subject, (entry) => {
    if (!('members' in entry) && entry.tokens[0] === '$CB') plain.push(entry.subscriber)
  })
  return receiversOf({ plain, groups: [], filtered: [], counting: [], exceptSender: area === 'all', account, queue: undefined })
}

// One of them gets it, which one is found out for each message; those whose protocol delivers to subscriptions, by theirs.
function instanceReceivers(context: RoutingContext, subject: readonly string[], account: Account): Receivers {
  return receiversOf({ plain: [], groups: [], filtered: [], counting: [], exceptSender: false, account, queue: undefined, instances: context.registered(subject.slice(3).join('.')) })
}

// Changes of the registry go to those alone who asked for them by name, and may see them.
function watchers(interest: Interest<InterestEntry>, subject: readonly string[], account: Account): Receivers {
  const plain = new Set<Subscriber>()
  interest.match(subject, (entry) => {
    if (!('members' in entry) && entry.tokens[0] === '$CB' && entry.subscriber.mayReceive(subject)) plain.add(entry.subscriber)
  })
  return receiversOf({ plain: [...plain], groups: [], filtered: [], counting: [], exceptSender: false, account, queue: undefined })
}

function receiversOf({ instances, ...found }: Omit<Receivers, 'answersFrames' | 'snapshot' | 'instances'> & { readonly instances?: ServiceTarget | undefined }): Receivers {
  const { plain, groups, filtered } = found
  // Of instances it is not known before one is chosen.
  const answersFrames = instances !== undefined || plain.some((sink) => sink.answersFrames) || filtered.length > 0 || groups.some(({ members }) => members.some(({ subscriber }) => subscriber.answersFrames))
  return { ...found, instances, answersFrames, snapshot: 0 }
}
