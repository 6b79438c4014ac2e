package identity

// DomainConfig is options that an operator keeps for one domain: values, as decoded JSON, by group and name. Nothing here goes
// by them.
type DomainConfig map[string]map[string]any

// Set puts a value under a group and a name.
func (c DomainConfig) Set(group, name string, value any) {
	if c[group] == nil {
		c[group] = map[string]any{}
	}
	c[group][name] = value
}

// Has reports whether there is an option of the group and the name; "" stands for any.
func (c DomainConfig) Has(group, name string) bool {
	if group == "" {
		return len(c) > 0
	}
	if name == "" {
		return len(c[group]) > 0
	}
	_, there := c[group][name]
	return there
}
