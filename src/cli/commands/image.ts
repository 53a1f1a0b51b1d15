/** `postern image`: the local store of guest images, and what the container runtime has for pods. */
import { dirname, join } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import { type OutputFormat, outputOption } from '../options.ts';
import { print } from '../output.ts';
import { Progress } from '../progress.ts';
import { CONTAINERD_ENDPOINT, IMAGE_DIR } from '../wiring/defaults.ts';

interface EndpointFlags {
  readonly endpoint: string;
}

const WHICH = ['guests', 'containers'] as const;
type Which = (typeof WHICH)[number];

const endpointOption = (): Option =>
  new Option('--endpoint <endpoint>', 'the socket of containerd').default(CONTAINERD_ENDPOINT);

export function addImageCommand(postern: Command): void {
  const image = postern.command('image').description('build guest images, import those of containers, and list both');
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
    .command('import')
    .description('give images to containerd, from archives as docker save, podman save, skopeo or umoci write them')
    .argument('<files...>', 'archives')
    .option('--name <name>', 'what the image is called, for an archive that does not say')
    .addOption(endpointOption())
    .addHelpText(
      'after',
      '\nExamples:\n  postern image import web.tar\n  postern image import --name example.com/web:1 web.tar\n  postern lab exec --dir ./lab node1 -- "$PWD/postern" image import "$PWD/web.tar"',
    )
    .action(async (files: readonly string[], flags: EndpointFlags & { name?: string }) => {
      const { importContainerImages } = await import('../container-images.ts');
      for await (const name of importContainerImages({ ...flags, files })) process.stdout.write(`${name}\n`);
    });
  image
    .command('list')
    .alias('ls')
    .description('the images that manifests can name')
    .addArgument(new Argument('[which]', 'those of guests, or of containers').choices(WHICH).default('guests'))
    .option('--image-dir <dir>', 'where images of guests are kept', IMAGE_DIR)
    .addOption(endpointOption())
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  postern image list -o json\n  postern image list containers')
    .action(async (which: Which, flags: EndpointFlags & { imageDir: string; output: OutputFormat }) => {
      if (which === 'containers') {
        const { containerImages, containerImageTable } = await import('../container-images.ts');
        const images = await containerImages(flags.endpoint);
        return print(images, flags.output, () => containerImageTable(images));
      }
      const { listReferences } = await import('../../vm/images/layout.ts');
      const names = await listReferences(flags.imageDir);
      await print(names, flags.output, () =>
        names.length === 0 ? 'none yet; this makes one: postern image build demo' : names.join('\n'),
      );
    });
}
