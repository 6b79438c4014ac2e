# The parts of the lab's cloud: how each is configured, started for the first time, and started again. Read by "lab", whose
# variables and functions are used here.
#
# Whatever runs once leaves a mark in $state/done.

parts='nova-api nova-compute nova-compute2 nova-scheduler nova-conductor placement network cinder-backup cinder-volume-2 cinder-volume cinder-scheduler cinder-api glance keystone memcached ceph-osd ceph-mgr ceph-mon mq db'

running() { [[ -e $state/pids/$1 ]] && kill -0 "$(cat "$state/pids/$1")" 2>/dev/null; }

# start PART COMMAND...: a daemon of the chroot in the background, in a process group of its own.
start() {
	local part=$1
	shift
	mounts
	setsid chroot "$chroot" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@" \
		>>"$state/logs/$part" 2>&1 </dev/null 9>&- &
	echo $! >"$state/pids/$part"
}

stop() {
	running "$1" || return 0
	[[ $1 != nova-api ]] || forget_nova
	local pid
	pid=$(cat "$state/pids/$1")
	kill -TERM -- "-$pid" 2>/dev/null || true
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$pid" 2>/dev/null || true
	rm -f "$state/pids/$1"
}

# listens PORT: wait until something does.
listens() {
	for _ in $(seq 300); do
		(exec 3<>"/dev/tcp/$address/$1") 2>/dev/null && return
		sleep 0.1
	done
	die "nothing listens on $address:$1; the logs are in $state/logs"
}

# once NAME COMMAND...: run it unless that was done before.
once() {
	local name=$1
	shift
	[[ -e $state/done/$name ]] && return
	"$@"
	mkdir -p "$state/done"
	touch "$state/done/$name"
}

as_admin() { (
	while read -r setting; do export "${setting?}"; done < <(cmd_admin)
	inside "$@"
); }

# ---- what everything stands on

# The server reads the first statements a line each, in its first run.
make_db() {
	mkdir -p "$state/db"
	chroot "$chroot" chown mysql:mysql "$here/db"
	inside mariadb-install-db --user=mysql --datadir="$here/db" >/dev/null
	local name
	{
		echo "CREATE USER 'root'@'%' IDENTIFIED BY 'lab';"
		echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
		for name in keystone glance cinder; do
			echo "CREATE DATABASE $name CHARACTER SET utf8mb4;"
			echo "CREATE USER '$name'@'%' IDENTIFIED BY 'lab';"
			echo "GRANT ALL ON $name.* TO '$name'@'%';"
		done
	} >"$state/etc/first.sql"
	first=(--init-file="$here/etc/first.sql")
}

up_db() {
	local first=()
	once db make_db
	start db mariadbd --no-defaults --user=mysql --datadir="$here/db" --socket="$here/db/socket" --pid-file="$here/db/pid" \
		--bind-address="$address" --port=3306 --skip-name-resolve --max-connections=1000 "${first[@]}"
	listens 3306
}

up_mq() {
	mkdir -p "$state/mq"
	printf 'listeners.tcp.1 = %s:5672\ndefault_user = lab\ndefault_pass = lab\nloopback_users = none\n' "$address" >"$state/etc/rabbitmq.conf"
	chroot "$chroot" chown -R rabbitmq:rabbitmq "$here/mq"
	# Its own port mapper, name and port: that of another RabbitMQ on this machine may end any time, or be another lab's.
	local number=${address##*.}
	start mq setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups env HOME="$here/mq" RABBITMQ_NODENAME="clinker-lab-$number@localhost" \
		RABBITMQ_CONFIG_FILE="$here/etc/rabbitmq.conf" RABBITMQ_MNESIA_BASE="$here/mq" RABBITMQ_LOG_BASE="$here/mq" \
		RABBITMQ_ENABLED_PLUGINS_FILE=/dev/null RABBITMQ_DIST_PORT=$((25600 + number)) ERL_EPMD_PORT=$((14300 + number)) /usr/lib/rabbitmq/bin/rabbitmq-server
	listens 5672
}

up_memcached() {
	start memcached memcached -u memcache -l "$address"
	listens 11211
}

# ---- identity and images

make_keystone() {
	cat >"$state/etc/keystone.conf" <<-END
		[cache]
		enabled = true
		backend = dogpile.cache.pymemcache
		memcache_servers = $address:11211
		[database]
		connection = mysql+pymysql://keystone:lab@$address/keystone
		[token]
		provider = fernet
		[fernet_tokens]
		key_repository = $here/fernet
		[credential]
		key_repository = $here/credential
	END
	mkdir -p "$state"/{fernet,credential}
	chroot "$chroot" chown keystone:keystone "$here/fernet" "$here/credential"
	local manage=(inside keystone-manage --config-file "$here/etc/keystone.conf") url=http://$address:5000/v3
	"${manage[@]}" db_sync
	"${manage[@]}" fernet_setup --keystone-user keystone --keystone-group keystone
	"${manage[@]}" credential_setup --keystone-user keystone --keystone-group keystone
	"${manage[@]}" bootstrap --bootstrap-password lab --bootstrap-region-id RegionOne \
		--bootstrap-admin-url "$url" --bootstrap-internal-url "$url" --bootstrap-public-url "$url"
}

fill_keystone() {
	as_admin sh -ec '
		openstack project create service >/dev/null
		for user in cinder glance nova; do
			openstack user create $user --password lab >/dev/null
			openstack role add --project service --user $user admin
			openstack role add --project service --user $user service
		done
		entry() { openstack service create --name "$1" "$2" >/dev/null
			for interface in public internal admin; do openstack endpoint create --region RegionOne "$2" $interface "$3" >/dev/null; done; }
		entry cinderv3 volumev3 "http://$0:8776/v3/\$(project_id)s"
		entry cinder block-storage "http://$0:8776/v3/\$(project_id)s"
		entry glance image "http://$0:9292"
		openstack project create demo >/dev/null
		openstack user create demo --password lab >/dev/null
		openstack role add --project demo --user demo member' "$address"
}

up_keystone() {
	once keystone make_keystone
	start keystone env OS_KEYSTONE_CONFIG_FILES="$here/etc/keystone.conf" uwsgi --plugins python3 --http-socket "$address:5000" \
		--wsgi-file /usr/bin/keystone-wsgi-public --master --lazy-apps --processes 2 --threads 2 --uid keystone --gid keystone \
		--buffer-size 65535 --die-on-term --add-header 'Connection: close'
	listens 5000
	once keystone-filled fill_keystone
}

# authtoken USER: the section with which a service validates tokens.
authtoken() {
	cat <<-END
		[keystone_authtoken]
		auth_url = http://$address:5000/v3
		www_authenticate_uri = http://$address:5000/v3
		memcached_servers = $address:11211
		auth_type = password
		project_name = service
		project_domain_name = Default
		user_domain_name = Default
		username = $1
		password = lab
		service_token_roles = service
		service_token_roles_required = true
	END
}

make_glance() {
	mkdir -p "$state/images"
	{
		cat <<-END
			[DEFAULT]
			bind_host = $address
			workers = 1
			enabled_backends = files:file
			show_image_direct_url = true
			show_multiple_locations = true
			node_staging_uri = file://$here/staging
			[database]
			connection = mysql+pymysql://glance:lab@$address/glance
			[glance_store]
			default_backend = files
			[files]
			filesystem_store_datadir = $here/images
			[paste_deploy]
			flavor = keystone
		END
		authtoken glance
	} >"$state/etc/glance.conf"
	inside glance-manage --config-file "$here/etc/glance.conf" db_sync >/dev/null
}

up_glance() {
	once glance make_glance
	start glance glance-api --config-file "$here/etc/glance.conf" --config-file /etc/glance/glance-api-paste.ini
	listens 9292
}

# ---- Ceph: one monitor, one manager, one object store in a file

make_ceph() {
	local id
	id=$(cat /proc/sys/kernel/random/uuid)
	mkdir -p "$state"/ceph/{mon,mgr,osd}
	cat >"$state/etc/ceph.conf" <<-END
		[global]
		fsid = $id
		mon host = $address
		public network = 127.0.0.0/8
		keyring = $here/ceph/admin.keyring
		admin socket = $here/ceph/\$name.asok
		run dir = $here/ceph
		auth cluster required = cephx
		auth service required = cephx
		auth client required = cephx
		osd pool default size = 1
		osd pool default min size = 1
		osd crush chooseleaf type = 0
		mon allow pool size one = true
		mon warn on pool no redundancy = false
		mon data avail warn = 2
		mon data avail crit = 1
		bluestore block size = 21474836480
		osd memory target = 939524096
		[mon]
		mon data = $here/ceph/mon
		[mgr]
		mgr data = $here/ceph/mgr
		keyring = $here/ceph/mgr/keyring
		[osd]
		osd data = $here/ceph/osd
		keyring = $here/ceph/osd/keyring
	END
	inside sh -ec 'cd "$0"
		ceph-authtool --create-keyring mon.keyring --gen-key -n mon. --cap mon "allow *" >/dev/null
		ceph-authtool --create-keyring admin.keyring --gen-key -n client.admin --cap mon "allow *" --cap osd "allow *" --cap mgr "allow *" >/dev/null
		ceph-authtool mon.keyring --import-keyring admin.keyring >/dev/null
		monmaptool --create --add a "$1" --fsid "$2" --clobber monmap >/dev/null
		ceph-mon -c "$3" --mkfs -i a --monmap monmap --keyring mon.keyring' "$here/ceph" "$address" "$id" "$here/etc/ceph.conf"
}

join_ceph() {
	inside sh -ec 'cd "$0"; export CEPH_CONF="$1"
		ceph config set mon auth_allow_insecure_global_id_reclaim false
		ceph auth get-or-create mgr.a mon "allow profile mgr" osd "allow *" mds "allow *" >mgr/keyring
		id=$(cat /proc/sys/kernel/random/uuid)
		ceph osd new $id >/dev/null
		ceph auth get-or-create osd.0 mon "allow profile osd" mgr "allow profile osd" osd "allow *" >osd/keyring
		truncate -s 20G osd/block
		ceph-osd -c "$1" -i 0 --mkfs --osd-uuid $id' "$here/ceph" "$here/etc/ceph.conf"
}

fill_ceph() {
	inside sh -ec 'export CEPH_CONF="$0"
		for try in $(seq 100); do ceph osd stat | grep -q "1 up" && break; sleep 0.5; done
		for pool in volumes images backups; do ceph osd pool create $pool 8 >/dev/null; rbd pool init $pool; done' "$here/etc/ceph.conf"
}

up_ceph() {
	once ceph make_ceph
	running ceph-mon || start ceph-mon ceph-mon -c "$here/etc/ceph.conf" -f -i a --public-addr "$address"
	listens 6789
	once ceph-joined join_ceph
	running ceph-mgr || start ceph-mgr ceph-mgr -c "$here/etc/ceph.conf" -f -i a
	running ceph-osd || start ceph-osd ceph-osd -c "$here/etc/ceph.conf" -f -i 0 --public-addr "$address" --cluster-addr "$address"
	once ceph-filled fill_ceph
}

# ---- Python's Cinder, with the cinder.conf that "lab conf cinder.conf" was given

make_cinder() {
	inside mkdir -p /var/lib/cinder/lock /var/lib/cinder/coordination /var/lib/cinder/conversion
	inside cinder-manage --config-file "$here/etc/cinder.conf" db sync >/dev/null
}

up_cinder-db() { once cinder make_cinder; }

up_cinder-api() {
	up_cinder-db
	start cinder-api uwsgi --plugins python3 --http-socket "$address:8776" --wsgi-file /usr/bin/cinder-wsgi --pyargv "--config-file $here/etc/cinder.conf" \
		--master --lazy-apps --enable-threads --processes 2 --threads 8 --buffer-size 65535 --die-on-term --add-header 'Connection: close'
	listens 8776
}

up_cinder-scheduler() { start cinder-scheduler cinder-scheduler --config-file "$here/etc/cinder.conf"; }
# one more, with what "lab conf second.conf" says differently
up_cinder-volume-2() { start cinder-volume-2 cinder-volume --config-file "$here/etc/cinder.conf" --config-file "$here/etc/second.conf"; }
up_cinder-volume() { start cinder-volume cinder-volume --config-file "$here/etc/cinder.conf"; }
up_cinder-backup() { start cinder-backup cinder-backup --config-file "$here/etc/cinder.conf"; }
