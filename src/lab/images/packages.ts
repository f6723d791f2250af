/** The Debian packages (arm64) that the images of an emulated board are made of, by release. */
export interface PackageSet {
  /** Codename. */
  readonly release: string;
  readonly packages: readonly string[];
  /** Packages that only name the one wanted: what they depend on is taken. */
  readonly named?: readonly string[];
}

export const qemuVirtPackages: readonly PackageSet[] = [
  // 2023.01: enters at EL2 where the EL3 firmware puts it, has virtio network, `tftpboot` and `booti`.
  { release: 'bookworm', packages: ['u-boot-qemu'] },
  {
    release: 'trixie',
    named: ['linux-image-arm64'],
    packages: [
      'xen-hypervisor-4.20-arm64',
      'xen-utils-4.20',
      'xenstore-utils',
      'busybox-static',
      'dropbear-bin',
      // Libraries of the programs above.
      'libc6',
      'libcrypt1',
      'libfdt1',
      'libgcc-s1',
      'libgmp10',
      'libtomcrypt1',
      'libtommath1',
      'libuuid1',
      'libxencall1',
      'libxendevicemodel1',
      'libxenevtchn1',
      'libxenforeignmemory1',
      'libxengnttab1',
      'libxenhypfs1',
      'libxenmisc4.20',
      'libxenstore4',
      'libxentoolcore1',
      'libxentoollog1',
      'libyajl2',
      'zlib1g',
      // Not needed by these programs, but by others' builds of Xen's tools.
      'libbz2-1.0',
      'libjson-c5',
      'liblzma5',
      'liblzo2-2',
      'libzstd1',
    ],
  },
];
