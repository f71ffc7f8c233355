import { readIni } from '../watch/layout-text.js'
import type { ProjectFile } from './project-files.js'

/**
 * The name that the build files of an ESP-IDF project give it, and its app by that: `project(hello)` of CMakeLists.txt (ESP-IDF: tools/cmake/project.cmake),
 * `PROJECT_NAME := hello` of a Makefile. Undefined where a variable names it, or nothing does.
 */
export function projectNameOf(files: readonly ProjectFile[]): string | undefined {
  const textOf = (name: string): string => files.find(({ file }) => file === name)?.text ?? ''
  return (
    /^[ \t]*project[ \t]*\([ \t\r\n]*"?([\w.+-]+)"?[ \t\r\n)]/im.exec(textOf('CMakeLists.txt'))?.[1] ??
    /^[ \t]*PROJECT_NAME[ \t]*[:?]?=[ \t]*([\w.+-]+)[ \t\r]*$/m.exec(textOf('Makefile'))?.[1]
  )
}

/** The apps of the environments that platformio.ini names, as they are served together. */
export function environmentApps(files: readonly ProjectFile[]): readonly string[] {
  const ini = readIni(files.find(({ file }) => file === 'platformio.ini')?.text)
  return [...ini.keys()].flatMap(section => (section.startsWith('env:') ? `${section.slice(4)}/firmware.bin` : []))
}
