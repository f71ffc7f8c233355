import { mkdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { lookAtProject } from '../../src/doctor/look-project.js'
import { readProjectFile, readProjectFiles } from '../../src/doctor/project-files.js'
import { temporaryFolder } from '../support/daemon.js'

const SECRET = 'const char *ota_url = "https://192.168.7.7:8070/secret.bin";\n'

/** A project beside a folder that is nobody's business. */
async function neighbours(): Promise<{ readonly folder: string; readonly outside: string }> {
  const place = await temporaryFolder()
  const [folder, outside] = [path.join(place, 'project'), path.join(place, 'outside')]
  await mkdir(path.join(folder, 'main'), { recursive: true })
  await mkdir(outside)
  await writeFile(path.join(outside, 'secret.c'), SECRET)
  await writeFile(path.join(folder, 'main/own.c'), 'int a;\n')
  return { folder, outside }
}

describe('of a project that is larger than what is read', () => {
  it('the likely places are read first, and what is left out is told', async () => {
    const { folder } = await neighbours()
    await mkdir(path.join(folder, 'archive'))
    await mkdir(path.join(folder, 'zoo'))
    const names = Array.from({ length: 3100 }, (_, index) => `archive/a${index}.c`)
    await Promise.all([...names, 'zoo/z.c', 'Own.ino', 'sdkconfig'].map(name => writeFile(path.join(folder, name), '')))
    const { files, leftOut } = await readProjectFiles(folder)
    expect(files.slice(0, 3).map(({ file }) => file)).toEqual(['Own.ino', 'sdkconfig', 'main/own.c'])
    expect(files).toHaveLength(3000)
    expect(leftOut).toHaveLength(104)
    expect(leftOut.at(-1)).toBe('zoo/')
    expect((await lookAtProject(folder, { asked: {}, maxImageBytes: 1024 })).leftOut).toHaveLength(100)
  })
})

describe('in a project', () => {
  it('examples and tests are not its firmware, unless it is one of them itself', async () => {
    const { folder } = await neighbours()
    const places = ['examples/a/main', 'test_apps/main', 'host_test/main', 'components/net/examples/b']
    for (const place of places) {
      await mkdir(path.join(folder, place), { recursive: true })
      await writeFile(path.join(folder, place, 'a.c'), SECRET)
    }
    const namesIn = async (place: string) => (await readProjectFiles(place)).files.map(({ file }) => file)
    expect(await namesIn(folder)).toEqual(['main/own.c'])
    expect(await namesIn(path.join(folder, 'examples/a'))).toEqual(['main/a.c'])
    expect(await namesIn(path.join(folder, 'test_apps'))).toEqual(['main/a.c'])
  })
})

describe.skipIf(process.platform === 'win32')('the files of a project', () => {
  it('are those in it: a link that leads out is not followed', async () => {
    const { folder, outside } = await neighbours()
    await symlink(path.join(outside, 'secret.c'), path.join(folder, 'main/linked.c'))
    await symlink('../../outside/secret.c', path.join(folder, 'main/relative.c'))
    await symlink(outside, path.join(folder, 'components'))
    await symlink('loop.c', path.join(folder, 'main/loop.c'))
    expect((await readProjectFiles(folder)).files.map(({ file }) => file)).toEqual(['main/own.c'])
    for (const file of ['main/linked.c', 'components/secret.c', '../outside/secret.c'])
      expect(await readProjectFile(folder, file)).toBeUndefined()
  })

  it('may be links to each other, and the project a link itself', async () => {
    const { folder } = await neighbours()
    await symlink('own.c', path.join(folder, 'main/same.c'))
    await symlink(folder, `${folder}-linked`)
    for (const place of [folder, `${folder}-linked`])
      expect((await readProjectFiles(place)).files.map(({ file }) => file)).toEqual(['main/own.c', 'main/same.c'])
  })

  it.each([
    ['of components', 'managed_components', 'CMakeLists.txt', 'include(tools/cmake/project.cmake)\nproject(a)\n'],
    ['of an export', 'build', 'project.ino', 'void loop() {}\n'],
    ['of environments', '.pio', 'platformio.ini', '[env:a]\n']
  ])('do not come from a folder %s that is a link', async (_name, link, file, text) => {
    const { folder, outside } = await neighbours()
    await mkdir(path.join(outside, 'build/a'), { recursive: true })
    await writeFile(path.join(outside, 'build/a/firmware.bin'), 'x')
    await writeFile(path.join(outside, 'project.ino.bin'), 'x')
    await writeFile(path.join(outside, 'confirm.c'), 'void f() { esp_ota_mark_app_valid_cancel_rollback(); }\n')
    await writeFile(path.join(folder, file), text)
    await symlink(outside, path.join(folder, link))
    const project = await lookAtProject(folder, { asked: {}, maxImageBytes: 1024 })
    expect([project.outputs, project.marks.confirmsApp, project.urls]).toEqual([[], null, []])
  })
})
