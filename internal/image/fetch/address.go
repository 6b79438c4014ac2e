package fetch

import "net/netip"

// networks of addresses that only mean something inside: of this machine, of one link, of no single receiver, or of nobody.
var insideNetworks = prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fe80::/10", "ff00::/8", "100::/64", "2001:db8::/32")

// privateNetworks are those of organizations, which are no more reachable from elsewhere.
var privateNetworks = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "fec0::/10")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for n, text := range texts {
		list[n] = netip.MustParsePrefix(text)
	}
	return list
}

func reachesInside(ip netip.Addr) bool { return within(ip, insideNetworks) }
func isPrivate(ip netip.Addr) bool     { return within(ip, privateNetworks) }

func within(ip netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// meanings are the addresses that an address may lead to: itself, and the IPv4 address in an IPv6 one of those kinds that
// gateways translate.
func meanings(ip netip.Addr) []netip.Addr {
	ip = ip.WithZone("").Unmap()
	list := []netip.Addr{ip}
	if ip.Is4() {
		return list
	}
	b := ip.As16()
	embedded := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(b[at : at+4])) }
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip), netip.MustParsePrefix("64:ff9b:1::/48").Contains(ip),
		netip.MustParsePrefix("::/96").Contains(ip): // NAT64, and the form before IPv4-mapped addresses
		list = append(list, embedded(12))
	case netip.MustParsePrefix("2002::/16").Contains(ip): // 6to4
		list = append(list, embedded(2))
	}
	return list
}
