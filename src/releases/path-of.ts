/** The path of a name as it stands in a URL, with its leading slash: every byte that needs it is percent-encoded. */
export function pathOf(name: string): string {
  return `/${name.split('/').map(encodeURIComponent).join('/')}`
}
