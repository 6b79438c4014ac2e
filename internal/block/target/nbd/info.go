package nbd

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/target"
)

// info is what the consumer is told. The URIs are those of the NBD project's doc/uri.md, which qemu, libnbd and their
// kin take as they are; the other keys say the same piece by piece. Without TCP there is no host and port, and uri is
// the Unix one. Every value survives a trip through JSON, though numbers come back as float64.
func (t *Target) info(r *running, name string, c target.Connection) block.ConnectionInfo {
	unixURI := "nbd+unix:///" + name + "?socket=" + escapeQuery(t.socketPath())
	data := map[string]any{
		"uri":         unixURI,
		"unix_uri":    unixURI,
		"unix_socket": t.socketPath(),
		"export":      name,
		"volume_id":   c.VolumeID,
		"access_mode": "rw",
		"size_bytes":  c.SizeBytes,
	}
	if c.ReadOnly {
		data["access_mode"] = "ro"
	}
	if r.port != 0 {
		host := t.config.AdvertisedHost
		data["host"], data["port"] = host, r.port
		data["uri"] = "nbd://" + net.JoinHostPort(host, strconv.Itoa(r.port)) + "/" + name
	}
	return block.ConnectionInfo{DriverVolumeType: "nbd", Data: data}
}

// escapeQuery escapes a path for the query of a URI, but leaves slashes readable. Blanks become %20, for the NBD clients
// do not take "+" for one.
func escapeQuery(path string) string {
	return strings.NewReplacer("%2F", "/", "+", "%20").Replace(url.QueryEscape(path))
}
