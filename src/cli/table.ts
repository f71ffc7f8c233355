/** Rows under a header, each column as wide as its widest cell. Cells are printed as they are: what is not ours has to be `printable`. */
export function drawTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  return all.map(row => `${alignRow(row, widths).trimEnd()}\n`).join('')
}

/** Cells of one row, two blanks between columns. */
export function alignRow(row: readonly string[], widths: readonly number[]): string {
  return row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
}
