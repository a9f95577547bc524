// The words in which the store's thread and the one that writes its log back tell each other what is to do, in memory that both have.

/** What the first word says: what is to be done. */
export const Task = { none: 0, writeBack: 1, end: 2 } as const

/** What the second word says of the last task: it is done, or the error code of SQLite; another failure has none. */
export const DONE = 0
export const FAILED = -1
