/** `/version`: the level of Kubernetes' API that is served. */
export const VERSION = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.0+postern',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const;
