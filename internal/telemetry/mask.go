package telemetry

import (
	"regexp"
	"strings"
)

// Masked stands where a secret was.
const Masked = "***"

// secretWords are what the names of secrets contain, in lower case without separators. The list follows what
// oslo_utils.strutils masks, by stems instead of whole names.
var secretWords = []string{
	"password", "passwd", "pswd", "passphrase", "adminpass", "newpass", "token", "secret", "authkey", "privatekey",
	"encryptionkey", "encryptedkey", "apikey", "fernetkey", "credential", "cookie",
}

// separators are what the parts of a name may be joined with.
var separators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

// isSecretName reports whether something of this name is a secret: "auth_key", "X-Auth-Token", "OS_PASSWORD".
func isSecretName(name string) bool {
	plain := separators.Replace(strings.ToLower(name))
	for _, word := range secretWords {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return false
}

var (
	// assignedSecret finds name = value, "name": "value", name: value and --name value with a name of a secret. The value
	// ends at its closing quote, or at white space or a separator when it has none.
	assignedSecret = regexp.MustCompile(`(?i)([\w.-]*(?:pass(?:word|wd|phrase)|pswd|admin[_-]?pass|new[_-]?pass|token|` +
		`secret|(?:auth|private|encryption|encrypted|api|fernet)[_-]?key|credential|cookie)[\w.-]*["'\]]*\s*(?:[:=]+>?|\s)\s*)` +
		`("(?:[^"\\]|\\.)*"|u?'(?:[^'\\]|\\.)*'|[^\s"',;&}\])]+)`)
	// authorization finds HTTP credentials; their value has a space in it.
	authorization = regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["']?(?:basic|bearer|digest|negotiate)\s+)[^\s"',;}]+`)
	// userInfo finds the passwords of a URL; those of message brokers have one for each of their hosts.
	userInfo = regexp.MustCompile(`((?:://|,)[^\s:/@"',]*:)[^\s/@"']+@`)
	// hint is a cheap test that leaves most texts alone.
	hint = regexp.MustCompile(`(?i)pass|pswd|token|secret|key|credential|cookie|authorization|://`)
)

// MaskSecrets replaces the values of what looks like a secret in a text: password=x, "token": "y", --auth-key z,
// Authorization: Bearer t, scheme://user:password@host. It is a net under careful code and no substitute for it.
func MaskSecrets(text string) string {
	// Every form has one of these signs; most texts have none, and looking for them is much cheaper than matching.
	if !strings.ContainsAny(text, ":=-") || !hint.MatchString(text) {
		return text
	}
	text = authorization.ReplaceAllString(text, "${1}"+Masked)
	text = userInfo.ReplaceAllString(text, "${1}"+Masked+"@")
	return assignedSecret.ReplaceAllStringFunc(text, maskAssignment)
}

func maskAssignment(found string) string {
	m := assignedSecret.FindStringSubmatch(found)
	name, value := m[1], m[2]
	if !strings.ContainsAny(name, ":=") && !strings.HasPrefix(strings.TrimSpace(name), "-") {
		return found // "the token is": a word in a sentence, not a name
	}
	if value[0] == '"' || value[0] == '\'' {
		return name + value[:1] + Masked + value[:1]
	}
	return name + Masked
}
