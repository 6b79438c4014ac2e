package execx

import "syscall"

// attributes puts a program into a process group of its own, and lets it die with us.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
