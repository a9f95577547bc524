// What the bytes of a payload are, as bits 0 and 1 of a frame's flags say it.

export const PayloadType = { bytes: 0, msgpack: 1, json: 2, text: 3 } as const
export type PayloadType = (typeof PayloadType)[keyof typeof PayloadType]
