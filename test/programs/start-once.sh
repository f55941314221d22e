# Says that it starts, by a word that no other start has, and then ends, or stays where it is told to.
read -r word </proc/sys/kernel/random/uuid
echo "start $word"
[ "$1" = stay ] && exec sleep 1000000
exit 0
