import { foreign } from './wording.js'

/** Text from outside: always text, and apart, so that its direction of writing does not turn what stands around it. */
export function Foreign({ text }: { readonly text: string }) {
  return <bdi>{foreign(text)}</bdi>
}
