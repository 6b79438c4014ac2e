# The compute part of the lab: Nova with its fake hypervisor, Placement, and what stands for Neutron. Read by "lab" after
# parts.sh, whose functions are used here.

nova_services='nova-api nova-conductor nova-scheduler nova-compute placement-api'

sql() { inside mariadb -h "$address" -uroot -plab -e "$1"; }

# make_compute_account is what identity, and the database server, know of the services.
make_compute_account() {
	local name
	for name in nova nova_api nova_cell0 placement; do
		sql "CREATE DATABASE $name CHARACTER SET utf8mb4; GRANT ALL ON $name.* TO 'nova'@'%' IDENTIFIED BY 'lab'"
	done
	as_admin sh -ec '
		entry() { openstack service create --name "$1" "$2" >/dev/null
			for interface in public internal admin; do openstack endpoint create --region RegionOne "$2" $interface "$3" >/dev/null; done; }
		entry nova compute "http://$0:8774/v2.1"
		entry placement placement "http://$0:8778"
		entry neutron network "http://$0:9696"' "$address"
}

# account SECTION: how a service logs in, as user nova.
account() {
	cat <<-END
		[$1]
		auth_url = http://$address:5000/v3
		auth_type = password
		project_name = service
		project_domain_name = Default
		user_domain_name = Default
		username = nova
		password = lab
		region_name = RegionOne
	END
}

make_placement() {
	{
		printf '[placement_database]\nconnection = mysql+pymysql://nova:lab@%s/placement\n' "$address"
		authtoken nova
	} >"$state/etc/placement.conf"
	inside placement-manage --config-file "$here/etc/placement.conf" db sync >/dev/null
}

up_placement() {
	once compute-account make_compute_account
	once placement make_placement
	start placement env OS_PLACEMENT_CONFIG_DIR="$here/etc" uwsgi --plugins python3 --http-socket "$address:8778" --wsgi-file /usr/bin/placement-api \
		--master --lazy-apps --processes 1 --threads 4 --buffer-size 65535 --die-on-term --add-header 'Connection: close'
	listens 8778
}

# up_network starts what Nova takes for a Neutron in which there is nothing: servers here have no networks, yet Nova asks for
# their ports whenever it shows or deletes one.
up_network() {
	start network python3 -c '
import http.server, json, sys
class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.split("?")[0].rstrip("/").split("/")[-1].replace("-", "_")
        body = json.dumps({name: []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer((sys.argv[1], 9696), Nothing).serve_forever()' "$address"
	listens 9696
}

make_nova() {
	mkdir -p "$state/nova"/{lock,instances}
	{
		cat <<-END
			[DEFAULT]
			transport_url = rabbit://lab:lab@$address:5672/
			my_ip = $address
			host = lab
			compute_driver = fake.FakeDriverWithoutFakeNodes
			state_path = $here/nova
			osapi_compute_listen = $address
			[wsgi]
			api_paste_config = /etc/nova/api-paste.ini
			[oslo_concurrency]
			lock_path = $here/nova/lock
			[database]
			connection = mysql+pymysql://nova:lab@$address/nova
			[api_database]
			connection = mysql+pymysql://nova:lab@$address/nova_api
			[conductor]
			workers = 1
			[scheduler]
			workers = 1
			discover_hosts_in_cells_interval = 5
			[glance]
			region_name = RegionOne
			[vnc]
			enabled = false
		END
		authtoken nova
		for section in placement neutron cinder; do account $section; done
		# cinder's section calls it otherwise.
		echo 'os_region_name = RegionOne'
		account service_user
		echo 'send_service_user_token = true'
	} >"$state/etc/nova.conf"
	mkdir -p "$state/nova2"/{lock,instances}
	printf '[DEFAULT]\nhost = lab2\nstate_path = %s/nova2\n[oslo_concurrency]\nlock_path = %s/nova2/lock\n' "$here" "$here" >"$state/etc/nova2.conf"
	local manage=(inside nova-manage --config-file "$here/etc/nova.conf")
	"${manage[@]}" api_db sync
	"${manage[@]}" cell_v2 map_cell0 --database_connection "mysql+pymysql://nova:lab@$address/nova_cell0"
	"${manage[@]}" db sync >/dev/null
	"${manage[@]}" cell_v2 create_cell --name lab >/dev/null
}

# up_nova starts all of it, and waits until both hypervisors, lab and lab2, can be scheduled to.
up_nova() {
	cmd_ready nova || die "not installed: lab install nova"
	running network || up_network
	running placement || up_placement
	once nova make_nova
	local service
	for service in conductor scheduler compute; do
		running nova-$service || start nova-$service nova-$service --config-file "$here/etc/nova.conf"
	done
	running nova-compute2 || start nova-compute2 nova-compute --config-file "$here/etc/nova.conf" --config-file "$here/etc/nova2.conf"
	# Without green threads, which under uWSGI get no turn to take in replies.
	running nova-api || start nova-api env OS_NOVA_DISABLE_EVENTLET_PATCHING=yes uwsgi --plugins python3 --http-socket "$address:8774" --wsgi-file /usr/bin/nova-api-wsgi \
		--pyargv "--config-file $here/etc/nova.conf" --master --lazy-apps --enable-threads --processes 1 --threads 4 --buffer-size 65535 --die-on-term --add-header 'Connection: close'
	listens 8774
	as_admin sh -ec 'openstack service set --enable nova
		for try in $(seq 30); do
			openstack compute service list --service nova-compute -f value -c State | grep -c up | grep -qx 2 &&
				openstack hypervisor list -f value | grep -c lab | grep -qx 2 && exit
			sleep 1
		done
		exit 1' || die "there are not two hypervisors; the logs are in $state/logs"
}

# forget_nova takes Nova out of the catalog: what finds it there asks it.
forget_nova() { as_admin openstack service set --disable nova 2>/dev/null || true; }
