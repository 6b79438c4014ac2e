package main

import (
	"cmp"
	"os"
	"time"

	"github.com/clinker/clinker/cmd/clinker/backupservice"
	"github.com/clinker/clinker/cmd/clinker/coordination"
	"github.com/clinker/clinker/cmd/clinker/database"
	"github.com/clinker/clinker/cmd/clinker/foreign"
	"github.com/clinker/clinker/cmd/clinker/httpserver"
	"github.com/clinker/clinker/cmd/clinker/identityservice"
	"github.com/clinker/clinker/cmd/clinker/imageservice"
	"github.com/clinker/clinker/cmd/clinker/keys"
	"github.com/clinker/clinker/cmd/clinker/lifecycle"
	"github.com/clinker/clinker/cmd/clinker/manage"
	"github.com/clinker/clinker/cmd/clinker/messagebus"
	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/audit"
	"github.com/clinker/clinker/internal/block/app/messages"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/loglevels"
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/block/manager/migrate"
	"github.com/clinker/clinker/internal/block/scheduler"
	"github.com/clinker/clinker/internal/glance/client"
	novaclient "github.com/clinker/clinker/internal/nova/client"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/notification"
)

// options are the process's own options: where it listens, what it stores where, how it logs. Those of the parts are
// declared beside the parts.
type options struct {
	host, statePath, myIP     config.Handle[string]
	listen                    config.Handle[string]
	listenPort                config.Handle[int]
	pasteConfig, authStrategy config.Handle[string]
	reportInterval            config.Handle[time.Duration]
	disabledExtensions        config.Handle[[]string]
	newServices               config.Handle[bool]
	policyFile                config.Handle[string]
	newDefaults, scopes       config.Handle[bool]
	policyDirs                config.Handle[[]string]

	messages  *messagebus.Options
	locks     *coordination.Options
	database  *database.Options
	tls       *httpserver.Options
	identity  *identityservice.Options
	image     *imageservice.Options
	authToken *authtoken.Options

	log           *log.Options
	middleware    *middleware.Options
	notifications *notification.Settings
	keys          *keys.Options

	adminListen config.Handle[string]
	adminPort   config.Handle[int]

	scheduler scheduler.Configuration
	backends  backendOptions
	backup    backupservice.Configuration
}

func newOptions() options {
	hostname, _ := os.Hostname()
	def := config.DefaultGroup
	return options{
		host:      config.String(def, "host", cmp.Or(hostname, "localhost"), "The name of this node in the services table and in message topics.", config.SampleDefault("<the name of this machine>")),
		statePath: config.String(def, "state_path", "/var/lib/cinder", "The directory for what the services keep on this machine."),
		myIP:      config.HostAddress(def, "my_ip", "127.0.0.1", "The address of this machine that others reach."),
		listen:    config.HostAddress(def, "osapi_volume_listen", "0.0.0.0", "The address the API listens on."),
		listenPort: config.Port(def, "osapi_volume_listen_port", 8776,
			"The port the API listens on."),
		pasteConfig: config.String(def, "api_paste_config", "api-paste.ini", "The paste file that says which filters stand before the API. "+
			"A name without a directory is looked for in /etc/cinder; where there is none, the embedded one is used."),
		authStrategy: config.String(def, "auth_strategy", "keystone", "Which pipeline of the paste file authenticates.",
			config.Choices("noauth", "noauth_include_project_id", "keystone")),
		reportInterval:     config.Seconds(def, "report_interval", 10*time.Second, "Seconds between two heartbeats of a service.", config.Min(1)),
		disabledExtensions: config.List("clinker", "disabled_extensions", nil, "Aliases of API extensions to leave out; GET /v3/extensions lists them."),
		newServices:        config.Bool(def, "enable_new_services", true, "Whether a service takes part as soon as it starts for the first time; else an operator enables it."),
		newDefaults: config.Bool("oslo_policy", "enforce_new_defaults", false, "Whether the default rules that were there before readers and members were told apart are left out of the "+
			"decision who may do what; without it somebody with any role in a project may use it. clinker up leaves them out."),
		scopes:        config.Bool("oslo_policy", "enforce_scope", false, "Whether tokens of a scope that a rule is not for are refused. Cinder's rules are for all scopes but a few."),
		policyFile:    config.String("oslo_policy", "policy_file", "policy.yaml", "The file with the operator's policy rules; it need not be there.", config.Deprecated(def, "policy_file")),
		policyDirs:    config.MultiString("oslo_policy", "policy_dirs", []string{"policy.d"}, "Directories with more policy files.", config.Deprecated(def, "policy_dirs")),
		messages:      messagebus.NewOptions(),
		locks:         coordination.NewOptions(),
		database:      database.NewOptions(),
		tls:           httpserver.NewOptions(),
		identity:      identityservice.NewOptions(),
		image:         imageservice.NewOptions(),
		authToken:     authtoken.NewOptions("block-storage", "volumev3", "volume"),
		log:           log.NewOptions(loglevels.Modules()),
		middleware:    middleware.NewOptions(api.CORS()),
		notifications: notification.NewSettings(),
		keys:          keys.NewOptions(),
		adminListen:   config.HostAddress("clinker", "admin_listen", "127.0.0.1", "The address /metrics is served on."),
		adminPort:     config.Port("clinker", "admin_port", 0, "The port /metrics is served on; 0 serves it nowhere."),
		scheduler:     scheduler.NewConfiguration(),
		backends:      newBackendOptions(),
		backup:        backupservice.NewConfiguration(),
	}
}

// all lists every option of the program: what is parsed, what is documented, and in which order.
func (o options) all() []config.Option {
	list := []config.Option{o.host, o.statePath, o.myIP, o.listen, o.listenPort, o.pasteConfig, o.authStrategy, o.reportInterval,
		o.disabledExtensions, o.newServices, o.newDefaults, o.scopes, o.policyFile, o.policyDirs,
		o.adminListen, o.adminPort}
	list = append(list, o.database.All()...)
	list = append(list, o.tls.All()...)
	list = append(list, lifecycle.ConfigOptions()...)
	list = append(list, manage.LockOptions()...)
	list = append(list, o.locks.All()...)
	list = append(list, o.messages.All()...)
	list = append(list, o.log.All()...)
	list = append(list, o.identity.All()...)
	list = append(list, o.image.All()...)
	list = append(list, o.authToken.All()...)
	list = append(list, o.middleware.All()...)
	list = append(list, o.notifications.All()...)
	list = append(list, o.keys.All()...)
	list = append(list, o.scheduler.Options()...)
	list = append(list, o.backends.all()...)
	list = append(list, o.backup.Options()...)
	list = append(list, app.ConfigOptions()...)
	list = append(list, client.ConfigOptions()...)
	list = append(list, novaclient.ConfigOptions()...)
	list = append(list, image.ConfigOptions()...)
	list = append(list, quota.ConfigOptions()...)
	list = append(list, messages.ConfigOptions()...)
	list = append(list, migrate.ConfigOptions()...)
	list = append(list, audit.ConfigOptions()...)
	list = append(list, api.ConfigOptions()...)
	return append(list, foreign.Options(list)...)
}
