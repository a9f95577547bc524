// The parameters of the monitoring endpoints, read as nats-server reads them, and refused in its words.

import { connectionSorts, type ConnectionQuery, type ConnectionSort, type Page, type SubscriptionQuery } from '../broker/ground/monitoring.ts'

/** A parameter that cannot be read; its message is the whole answer. */
export class BadParameter extends Error {}

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True']
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False']
const MAX_INT = 2n ** 63n - 1n

/** The parameters of a request's URL; the first of each name counts. */
export function parametersOf(url = ''): URLSearchParams {
  return new URLSearchParams(url.split('?', 2)[1] ?? '')
}

/** @throws BadParameter */
export function connectionQuery(parameters: URLSearchParams): ConnectionQuery {
  const sort = parameters.get('sort') || 'cid'
  const withPrincipals = flag(parameters, 'auth')
  const subscriptions = parameters.get('subs')?.toLowerCase() === 'detail' ? 'detail' : flag(parameters, 'subs') ? 'list' : 'none'
  const page = pageOf(parameters)
  const cid = integer(parameters, 'cid', 'uint64', 'ParseUint', /^\d+$/)
  const state = stateOf(parameters)
  if (!isSort(sort)) throw new BadParameter(`invalid sorting option: ${sort}`)
  if ((sort === 'stop' || sort === 'reason') && state !== 'closed') throw new BadParameter(`sort by ${sort} only valid on closed connections`)
  return { ...page, sort, state, subscriptions, cid: cid === 0 ? undefined : cid, withPrincipals, principal: parameters.get('user') || undefined, account: parameters.get('acc') || undefined }
}

/** @throws BadParameter */
export function subscriptionQuery(parameters: URLSearchParams): SubscriptionQuery {
  return { withList: flag(parameters, 'subs'), ...pageOf(parameters), subject: parameters.get('test') || undefined, account: parameters.get('acc') || undefined }
}

/** @throws BadParameter */
export function flag(parameters: URLSearchParams, name: string): boolean {
  const text = parameters.get(name) ?? ''
  if (TRUE.includes(text)) return true
  if (text === '' || FALSE.includes(text)) return false
  throw new BadParameter(`Error decoding boolean for '${name}': strconv.ParseBool: parsing ${quoted(text)}: invalid syntax`)
}

function pageOf(parameters: URLSearchParams): Page {
  const offset = integer(parameters, 'offset', 'int', 'Atoi', /^[+-]?\d+$/)
  return { offset, limit: integer(parameters, 'limit', 'int', 'Atoi', /^[+-]?\d+$/) }
}

function integer(parameters: URLSearchParams, name: string, type: string, by: string, form: RegExp): number {
  const text = parameters.get(name) ?? ''
  if (text === '') return 0
  const refused = (problem: string): BadParameter => new BadParameter(`Error decoding ${type} for '${name}': strconv.${by}: parsing ${quoted(text)}: ${problem}`)
  if (!form.test(text)) throw refused('invalid syntax')
  const number = Number(text)
  if (BigInt(Math.trunc(Math.abs(number))) > MAX_INT) throw refused('value out of range')
  return number
}

function stateOf(parameters: URLSearchParams): ConnectionQuery['state'] {
  const text = parameters.get('state') ?? ''
  const state = text.toLowerCase()
  if (state === 'open' || state === 'closed') return state
  if (state === '') return 'open'
  if (state === 'any' || state === 'all') return 'any'
  throw new BadParameter(`Error decoding state for ${text}`)
}

function isSort(text: string): text is ConnectionSort {
  return (connectionSorts as readonly string[]).includes(text)
}

// In an answer of plain text; nothing that a browser would take for a page.
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 256))
}
