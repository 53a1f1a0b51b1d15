/** `postern image`: the local store of guest images. */
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { type OutputFormat, outputOption } from '../options.ts';
import { print } from '../output.ts';
import { Progress } from '../progress.ts';
import { IMAGE_DIR } from '../wiring/defaults.ts';

export function addImageCommand(postern: Command): void {
  const image = postern.command('image').description('build and list guest images');
  image
    .command('build')
    .description('build the demo guest from Debian’s cloud kernel and busybox (no root needed)')
    .argument('<name>', 'demo')
    .option('--image-dir <dir>', 'where images are kept', IMAGE_DIR)
    .addHelpText('after', '\nExample:\n  postern image build demo')
    .action(async (name: string, flags: { imageDir: string }) => {
      if (name !== 'demo') {
        const { UserError } = await import('../errors.ts');
        throw new UserError(
          `there is no recipe for an image named ${JSON.stringify(name)}`,
          'There is one: postern image build demo',
        );
      }
      const { buildDemoImage } = await import('../../vm/images/demo.ts');
      const progress = new Progress(process.stderr);
      const result = await progress.during('demo guest image', (tell) =>
        buildDemoImage({
          imageDir: flags.imageDir,
          cacheDir: join(dirname(flags.imageDir), 'packages'),
          progress: tell,
        }),
      );
      process.stdout.write(`${result.name} ${result.upToDate ? 'is up to date' : 'built'} in ${flags.imageDir}\n`);
    });
  image
    .command('list')
    .description('the images that manifests can name')
    .option('--image-dir <dir>', 'where images are kept', IMAGE_DIR)
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  postern image list -o json')
    .action(async (flags: { imageDir: string; output: OutputFormat }) => {
      const { listReferences } = await import('../../vm/images/layout.ts');
      const names = await listReferences(flags.imageDir);
      print(names, flags.output, () =>
        names.length === 0 ? 'none yet; this makes one: postern image build demo' : names.join('\n'),
      );
    });
}
