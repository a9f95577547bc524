// The numbers of the frame format: kinds, flags and where each field stands.
//
//   publish   len ┊ 98 ┊ cc kind ┊ cd flags ┊ ce origin ┊ cf id ┊ cf time ┊ d9 n subject ┊ c0|map ┊ c6 len payload
//   others    len ┊ 9a ┊ cc kind ┊ cd flags ┊ ce origin ┊ cf id ┊ cf time ┊ ce to ┊ cf ref ┊ d9 n subject ┊ c0|map ┊ c6 len payload
//   offset    0     4    5          7          10          15      24        33
//
// Every marker is fixed, so each field in front of the subject stands at a fixed offset. See docs/adr/0004.

/** What a frame is. 1..6 carry messages, 16 and above are control frames and never cross the router. */
export const Kind = {
  publish: 1,
  request: 2,
  /** Last answer to a request, or the only one. */
  response: 3,
  /** One of several answers of a stream; a `response` or `error` ends it. */
  part: 4,
  /** Ends a request with a failure, or tells that the frame `ref` was refused. */
  error: 5,
  /** A publish as one member of a queue group gets it: `ref` is the receiver's subscription number. */
  grouped: 6,
  hello: 16,
  challenge: 17,
  proof: 18,
  welcome: 19,
  subscribe: 20,
  unsubscribe: 21,
  /** The control frame `ref` was done. */
  ok: 22,
  ping: 23,
  pong: 24,
  /** What became of the message `ref`, for senders that set the flag `receipt`. */
  receipt: 25,
  /** The requester no longer wants an answer to `ref`. */
  cancel: 26,
  /** Ends a request with the flag `many`: no more answers come. */
  end: 27,
  /** The last frame of a connection, with the reason. */
  goodbye: 28,
} as const

/** Bits of the field `flags`. Bits 0 and 1 are the payload type. */
export const Flag = {
  payloadType: 0b11,
  headers: 1 << 2,
  durable: 1 << 3,
  dedupe: 1 << 4,
  signed: 1 << 5,
  compressed: 1 << 6,
  traced: 1 << 7,
  receipt: 1 << 8,
  grouped: 1 << 9,
  many: 1 << 10,
  last: 1 << 11,
} as const

export { PayloadType } from '../ground/payload-type.ts'

/** MessagePack markers of the fixed-width encoding. */
export const Marker = {
  publishArray: 0x98,
  longArray: 0x9a,
  uint8: 0xcc,
  uint16: 0xcd,
  uint32: 0xce,
  uint64: 0xcf,
  str8: 0xd9,
  nil: 0xc0,
  bin32: 0xc6,
} as const

/** Offsets from the first byte of a frame, its length prefix included. */
export const Offset = {
  array: 4,
  kind: 6,
  flags: 8,
  origin: 11,
  id: 16,
  time: 25,
  /** publish only */
  subjectLength: 34,
  subject: 35,
  /** the others */
  to: 34,
  ref: 39,
  longSubjectLength: 48,
  longSubject: 49,
} as const

export const LENGTH_BYTES = 4
/** Bytes of a publish frame beside subject, headers map and payload: everything fixed, nil for headers. */
export const PUBLISH_OVERHEAD = Offset.subject + 1 + 5
export const LONG_OVERHEAD = Offset.longSubject + 1 + 5
export const MAX_SUBJECT_BYTES = 255
export const MAX_ID = Number.MAX_SAFE_INTEGER
