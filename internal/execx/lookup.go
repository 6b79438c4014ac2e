package execx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/clinker/clinker/internal/fault"
)

// Lookup finds a program: in PATH, and then in the directories for administrators' programs, which a service's PATH
// often lacks. A program that is not there is a fault.Unavailable that names it and, where known, the Debian package
// it comes in.
func Lookup(tool string) (path string, err error) {
	if filepath.IsAbs(tool) {
		if runnable(tool) {
			return tool, nil
		}
		return "", missing(tool)
	}
	if tool == "" || tool != filepath.Base(tool) || tool == "." || tool == ".." {
		return "", fault.New(fault.Internal, "", "%q is not the name of a program", tool)
	}
	for _, dir := range searchPath() {
		if path := filepath.Join(dir, tool); runnable(path) {
			return path, nil
		}
	}
	return "", missing(tool)
}

// searchPath is where programs are looked for. Relative entries of PATH are left out: what a service runs must not
// depend on where it was started.
func searchPath() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	dirs = append(dirs, "/usr/local/sbin", "/usr/sbin", "/sbin")
	return slices.DeleteFunc(dirs, func(dir string) bool { return !filepath.IsAbs(dir) })
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

func missing(tool string) error {
	hint := ""
	if pkg := debianPackage(filepath.Base(tool)); pkg != "" {
		hint = fmt.Sprintf(" On Debian it comes in the package %s: apt install %s.", pkg, pkg)
	}
	return fault.New(fault.Unavailable, "", "The program %s is needed and is not installed.%s", filepath.Base(tool), hint)
}

// debianPackage is the package a program comes in, empty if it is none that Clinker uses.
func debianPackage(tool string) string {
	switch tool {
	case "qemu-img", "qemu-io", "qemu-nbd":
		return "qemu-utils"
	case "nbdcopy", "nbdinfo", "nbdsh":
		return "libnbd-bin"
	case "nbd-client":
		return "nbd-client"
	case "lvm", "lvs", "vgs", "pvs", "lvcreate", "lvremove", "lvextend", "lvchange", "lvconvert", "lvrename", "vgcreate", "dmsetup":
		return "lvm2"
	case "rbd", "ceph", "rados":
		return "ceph-common"
	case "mount.nfs", "showmount":
		return "nfs-common"
	case "mount.glusterfs", "gluster":
		return "glusterfs-client"
	case "tgtadm", "tgt-admin", "tgtd":
		return "tgt"
	case "targetcli":
		return "targetcli-fb"
	case "iscsiadm", "iscsid":
		return "open-iscsi"
	case "nvme":
		return "nvme-cli"
	case "cryptsetup":
		return "cryptsetup-bin"
	case "mkfs.xfs":
		return "xfsprogs"
	case "mkfs.btrfs", "btrfs":
		return "btrfs-progs"
	case "losetup", "mount", "umount":
		return "mount"
	case "blkdiscard", "blockdev", "ionice", "lsblk":
		return "util-linux"
	case "dd", "truncate", "nice":
		return "coreutils"
	}
	return ""
}
