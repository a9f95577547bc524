// Suggestions for misspelt keys and values.

export { editDistance, nearest } from '../broker/ground/nearest.ts'
