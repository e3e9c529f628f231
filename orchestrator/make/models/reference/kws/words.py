"""What the keyword spotter hears: its labels, words that are none of them, and sentences between keywords."""

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
LABELS = (*KEYWORDS, "unknown", "silence")

# Homophones of a keyword (know, write) are left out: no one could tell them apart.
_TRAIN_OTHERS = """
    bed bird cat dog eight five four happy house nine one seven sheila six three tree two wow zero marvin
    bus guess yet mess dress less west best chess jaw law low dough toe note nose snow slow boat road goat ghost gold
    cup pup but us under tub bump apple town dawn brown gone done doubt loud cloud ton lift loft laugh leg lend lent
    light ride ripe rice night bright white height awful cough soft often of dove ought stock step stab
    shop top drop spot star store ago got gap gun come again always another around because before between butter
    camera change circle coffee colour corner country dinner doctor door engine father finger garden green hammer
    hundred ice island jacket kitchen lamp letter machine market money morning mother music number office orange
    paper people picture please purple question quick river second silver sister spring student summer table
    teacher telephone thank time today tomorrow train travel turn update upper valley visit volume wait water
    weather window winter wonder yard year yellow young your yesterday nobody nothing only onto also enter evening
    start play pause next back open close hello computer lights temperature"""
TRAIN_OTHERS = tuple(_TRAIN_OTHERS.split())
_TEST_OTHERS = """
    backward forward follow learn visual bread chair dance eagle flower guitar hotel insect jungle kettle lemon
    mirror needle oyster pencil quiet rabbit spoon tiger uncle violin wagon yogurt zebra blanket cousin desert
    elbow fabric glove helmet"""
TEST_OTHERS = tuple(_TEST_OTHERS.split())

SENTENCES = (
    "the weather will be fine this afternoon in the valley",
    "she sells fresh bread and butter at the corner market",
    "please turn the kitchen lights a little brighter",
    "my sister plays the violin every evening after dinner",
    "we travelled by train through seven countries last summer",
    "the quick brown fox jumps over the lazy dog",
    "a hundred people waited in front of the old theatre",
    "he bought a purple jacket and a pair of leather gloves",
    "can you tell me the time of the next bus",
    "they found a silver key under the kitchen table",
    "our teacher asked three difficult questions this morning",
    "the river was frozen and white for most of the winter",
    "i would like a cup of coffee with milk and sugar",
    "the machine makes a strange noise when it is cold",
    "remember to call your mother before the weekend",
    "children were dancing around the big apple tree",
    "the doctor will see you again in about two weeks",
    "it takes half an hour to walk from here to the harbour",
)
TEST_SENTENCES = (
    "the tiger slept quietly in the shade of a large rock",
    "her uncle keeps rabbits and an eagle behind the hotel",
    "bring me the lemon yogurt and a clean spoon",
    "a wagon full of wool blankets crossed the desert",
    "he learned to play guitar in the jungle camp",
    "this mirror belongs to my cousin from the city",
    "there is a zebra on the cover of that magazine",
    "put the pencil back into the drawer when you finish",
    "the kettle is boiling and the biscuits are ready",
    "some flowers need very little water in the summer",
)
