// What a NATS client is sent, taken apart.

export interface ReceivedMessage {
  readonly subject: string
  readonly sid: string
  readonly replyTo: string | undefined
  readonly status: string | undefined
  /** The last value of each name. */
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string
}

/** The messages in a text of MSG and HMSG alone, one character a byte. @throws Error when anything else stands there */
export function natsMessages(text: string): ReceivedMessage[] {
  const messages: ReceivedMessage[] = []
  for (let at = 0; at < text.length; ) {
    const line = text.slice(at, text.indexOf('\r\n', at))
    const words = line.split(' ')
    const sizes = words[0] === 'HMSG' ? 2 : 1
    if (!/^H?MSG$/.test(words[0]!) || words.length < 3 + sizes || words.length > 4 + sizes) throw new Error(`not a message: ${line}`)
    const total = Number(words.at(-1))
    const headerBytes = sizes === 2 ? Number(words.at(-2)) : 0
    const from = at + line.length + 2
    at = from + total + 2
    if (text.slice(at - 2, at) !== '\r\n') throw new Error(`the size of this message is wrong: ${line}`)
    const [first = '', ...fields] = text.slice(from, from + headerBytes).split('\r\n')
    messages.push({
      subject: words[1]!,
      sid: words[2]!,
      replyTo: words.length === 4 + sizes ? words[3] : undefined,
      status: /^NATS\/1\.0 (\d{3})/.exec(first)?.[1],
      headers: Object.fromEntries(fields.filter(field => field !== '').map(field => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 2)])),
      payload: text.slice(from + headerBytes, from + total),
    })
  }
  return messages
}
