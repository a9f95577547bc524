// The subject on which NATS clients answer a native request: `$CB.reply.<origin>.<id>`.

const PREFIX = '$CB.reply.'
const ADDRESS = /^\$CB\.reply\.(\d{1,10})\.(\d{1,16})$/

/** Where answers to the request `id` of `origin` go. */
export function replySubject(origin: number, id: number): string {
  return `${PREFIX}${origin}.${id}`
}

/** True when `bytes[start..end)` begins as such a subject does. */
export function isReplySubject(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= PREFIX.length) return false
  for (let i = 0; i < PREFIX.length; i++) if (bytes[start + i] !== PREFIX.charCodeAt(i)) return false
  return true
}

/** The request that the subject names; undefined when it names none. */
export function requestOf(subject: string): { readonly to: number; readonly ref: number } | undefined {
  const match = ADDRESS.exec(subject)
  return match === null ? undefined : { to: Number(match[1]), ref: Number(match[2]) }
}
